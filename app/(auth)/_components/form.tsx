/**
 * The pieces of the pages outside the console. They are plain HTML: `public/auth.js` drives them, and the server
 * takes the framework's scripts out, so that a person on a slow line can sign in at once. Names in `data-*` are
 * what that script looks for.
 */
import { Eye, EyeOff } from 'lucide-react';
import type { ComponentProps, ReactNode } from 'react';
import { buttonClass } from '../../../components/ui/button.tsx';
import { cx } from '../../../components/ui/cx.ts';
import { Input } from '../../../components/ui/input.tsx';
import { Skeleton } from '../../../components/ui/skeleton.tsx';

export function AuthTitle({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <header className="mb-6">
      <h1 className="font-semibold text-20">{title}</h1>
      {children ? (
        <p data-lead="" className="mt-1 text-13 text-muted">
          {children}
        </p>
      ) : null}
    </header>
  );
}

type FieldProps = ComponentProps<'input'> & { name: string; label: string; help?: string };

/** Label above, help or the fault below. */
export function AuthField({ label, help = '', ...input }: FieldProps) {
  const id = `field-${input.name}`;
  const secret = input.type === 'password';
  return (
    <div className="grid gap-1.5">
      <label htmlFor={id} className="font-medium text-13">
        {label}
      </label>
      <div className="relative">
        <Input
          {...input}
          id={id}
          aria-describedby={`${id}-note`}
          className={cx(secret && 'pr-10')}
        />
        {secret ? (
          <button
            type="button"
            data-reveal={id}
            aria-label="Show the password"
            aria-pressed={false}
            className="group absolute inset-y-0 right-0 grid w-9 place-items-center rounded-control text-muted hover:text-text"
          >
            <Eye aria-hidden className="size-4 group-aria-pressed:hidden" />
            <EyeOff aria-hidden className="hidden size-4 group-aria-pressed:block" />
          </button>
        ) : null}
      </div>
      <p
        id={`${id}-note`}
        data-help={help}
        aria-live="polite"
        className="text-13 text-muted empty:hidden data-fault:text-bad-text"
      >
        {help}
      </p>
    </div>
  );
}

/** What keeps the form from being accepted as a whole. Always there, so that it is announced. */
export function FormMessage() {
  return (
    <div
      role="alert"
      data-message=""
      className="rounded-control bg-bad-soft px-3 py-2 text-13 text-bad-text empty:hidden"
    />
  );
}

export function Submit({ children }: { children: ReactNode }) {
  return (
    <button
      type="submit"
      className={cx(buttonClass('primary', 'lg'), 'w-full aria-busy:opacity-70')}
    >
      {children}
    </button>
  );
}

/** Without scripts nothing can be sent; said instead of a form that does nothing. */
export function NeedsScript() {
  return (
    <noscript>
      <p className="mb-4 rounded-control bg-warn-soft px-3 py-2 text-13 text-warn-text">
        This console needs JavaScript. Switch it on for this address and load the page again.
      </p>
    </noscript>
  );
}

/** A form of `fields` fields that is not known yet. */
export function FormSkeleton({ fields }: { fields: number }) {
  return (
    <div role="status" aria-label="Loading" data-when="asking" className="grid gap-4">
      {Array.from({ length: fields }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: placeholders have no identity
        <div key={index} className="grid gap-1.5">
          <Skeleton className="h-5 w-24" />
          <Skeleton className="h-9 w-full" />
        </div>
      ))}
      <Skeleton className="h-10 w-full" />
    </div>
  );
}

/** What could not be asked, with the way to ask again. */
export function Failed() {
  return (
    <div data-when="failed" hidden className="grid gap-4">
      <FormMessage />
      <button type="button" data-retry="" className={buttonClass('secondary', 'lg')}>
        Retry
      </button>
    </div>
  );
}

/** The fields of a new account. */
export function AccountForm({ verb, knownEmail }: { verb: string; knownEmail?: boolean }) {
  return (
    <form method="post" noValidate hidden data-when="form" className="grid gap-4">
      <AuthField
        name="email"
        label="E-mail"
        type="email"
        autoComplete="username"
        readOnly={knownEmail}
        // A line that is always there: a fault in its place moves nothing under the pointer.
        help="You sign in with this address."
      />
      <AuthField name="name" label="Name" autoComplete="name" help="Shown in the audit log." />
      <AuthField
        name="password"
        label="Password"
        type="password"
        autoComplete="new-password"
        help="At least 12 characters."
      />
      <FormMessage />
      <Submit>{verb}</Submit>
    </form>
  );
}
