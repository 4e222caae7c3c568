import type { ComponentProps } from 'react';
import { cx } from './cx.ts';

/**
 * Scrolls by itself, so that wide or long content does not move the page; named, and reached by keyboard.
 * It is positioned so that hidden texts inside stay inside.
 */
export function ScrollRegion(props: ComponentProps<'section'> & { 'aria-label': string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: without focus it cannot be scrolled by keyboard
    <section tabIndex={0} {...props} className={cx('relative', props.className)} />
  );
}
