import { Fragment } from 'react';
import { Snippet } from '../metrics/snippet.tsx';
import { sendSnippets } from './words.ts';

/** How to send predictions and labels, to copy. */
export function HowToSend(props: {
  model: string;
  features: readonly { name: string; kind: 'numeric' | 'categorical' }[];
}) {
  return (
    <div className="grid w-full grid-cols-[minmax(0,1fr)] gap-2 text-left">
      {sendSnippets(location.origin, props.model, props.features).map(({ title, text }) => (
        <Fragment key={title}>
          <h3 className="text-12 text-muted">{title}</h3>
          <Snippet text={text} what={title} />
        </Fragment>
      ))}
    </div>
  );
}
