/** What every kind of channel can do: give a message its form, and send that. */
import type { MessageKind, NotifyMessage } from '../contract.ts';

export type RollupLine = {
  kind: MessageKind;
  severity: NotifyMessage['severity'];
  title: string;
  at: string;
  href: string;
};
/** A message as it goes out. Only a rollup has lines. */
export type Outgoing = Omit<NotifyMessage, 'kind'> & {
  kind: MessageKind;
  lines?: RollupLine[];
  /** Messages of a rollup beyond its lines. */
  more?: number;
};
export type RenderContext = {
  /** The delivery's id, the same at every attempt: receivers drop a second one by it. */
  id: string;
  /** Without a trailing slash. */
  publicUrl: string;
  /** The delivery that began the thread, when this is not it. */
  rootId: string | null;
};
export type SendContext = {
  id: string;
  now: Date;
  timeoutMs: number;
  signal: AbortSignal;
};
export type Outcome =
  | { ok: true; status: number | null; detail: string }
  | {
      ok: false;
      /** Trying again cannot help. */
      permanent: boolean;
      status: number | null;
      detail: string;
      retryAfterMs?: number;
    };

/** `render` is pure and keeps the receiver's limits whatever the message holds; `send` throws nothing it knows of. */
export type Sender<S, P> = {
  render(message: Outgoing, context: RenderContext): P;
  send(payload: P, settings: S, context: SendContext): Promise<Outcome>;
};
