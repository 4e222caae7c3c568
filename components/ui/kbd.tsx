export function Kbd({ children }: { children: string }) {
  return (
    <kbd className="inline-flex h-5 min-w-5 items-center justify-center rounded-control border border-line-strong bg-raised px-1 font-sans text-12 text-muted">
      {children}
    </kbd>
  );
}
