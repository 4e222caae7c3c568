// Runs before all else and before the first paint, so that no page flashes in the other theme. The store is components/shell/theme.ts.
(() => {
  // Zod would try whether it may make code from text, which the policy of these pages refuses and browsers report.
  globalThis.__zod_globalConfig = { jitless: true };

  const root = document.documentElement;
  let choice = 'system';
  let collapsed = false;
  let role = null;
  try {
    choice = localStorage.getItem('theme') ?? 'system';
    collapsed = localStorage.getItem('sidebar') === 'collapsed';
    role = localStorage.getItem('role');
  } catch {
    // Storage is closed to us: the system's theme it is.
  }
  const dark =
    choice === 'dark' || (choice !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  root.dataset.theme = dark ? 'dark' : 'light';
  if (role) root.dataset.role = role;
  if (collapsed) root.dataset.sidebar = 'collapsed';

  // What is asked for before the framework has taken the page over is kept; components/shell/ready.ts opens it then.
  const early = (overlay, event) => {
    if ('ready' in root.dataset || !document.querySelector('[data-overlay]')) return;
    event.preventDefault();
    root.dataset.wanted = overlay;
  };
  addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest('[data-overlay]') : null;
    if (button) early(button.dataset.overlay, event);
  });
  addEventListener('keydown', (event) => {
    if ((event.metaKey || event.ctrlKey) && event.key?.toLowerCase() === 'k')
      early('palette', event);
  });
})();
