/** What is open over the page: one thing at a time. Opened from the top bar, menus and keys alike. */
export type Overlay = 'palette' | 'help' | 'nav' | null;

let open: Overlay = null;
const listeners = new Set<() => void>();

export function setOverlay(next: Overlay): void {
  open = next;
  for (const listener of listeners) listener();
}
export const openPalette = () => setOverlay('palette');
export const openHelp = () => setOverlay('help');
export const openNav = () => setOverlay('nav');

export const overlay = (): Overlay => open;
export function subscribeOverlay(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
