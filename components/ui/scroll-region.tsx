import type { ComponentProps } from 'react';

/** Scrolls by itself, so that wide or long content does not move the page; named, and reached by keyboard. */
export function ScrollRegion(props: ComponentProps<'section'> & { 'aria-label': string }) {
  // biome-ignore lint/a11y/noNoninteractiveTabindex: without focus it cannot be scrolled by keyboard
  return <section tabIndex={0} {...props} />;
}
