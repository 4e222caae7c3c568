import { CopyButton } from '../ui/copy-button.tsx';
import { ScrollRegion } from '../ui/scroll-region.tsx';

/** Lines to copy into a terminal or a file. */
export function Snippet({ text, what }: { text: string; what: string }) {
  return (
    <div className="relative w-full max-w-full text-left">
      <ScrollRegion
        aria-label={`Text of ${what}`}
        className="overflow-x-auto rounded-control border bg-raised p-3 pr-12"
      >
        <pre className="font-mono text-12">{text}</pre>
      </ScrollRegion>
      <CopyButton value={text} what={what} className="absolute top-2 right-2 size-7 bg-raised" />
    </div>
  );
}
