// Runs before the first paint, so that no page flashes in the other theme. The store is components/shell/theme.ts.
(() => {
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
})();
