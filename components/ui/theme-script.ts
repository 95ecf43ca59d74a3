/** Where the choice is kept in this browser, and the events by which a change is told. */
export const THEME_KEY = "lathe.theme";
export const THEME_CHANGED = "lathe:theme";
export const THEME_APPLY = "lathe:theme:apply";

/**
 * Runs before the first paint, so that a stored choice never flashes the other theme. Afterwards it follows
 * the system and other tabs, and tells charts (which draw with resolved colours) that they must redraw. Where React
 * renders the document anew, <html> is replaced or stripped of what it does not know, and gets the theme again.
 */
export const themeScript = `(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    let choice = null;
    try { choice = localStorage.getItem("${THEME_KEY}"); } catch {}
    const theme = choice === "light" || choice === "dark" ? choice : dark.matches ? "dark" : "light";
    document.documentElement.dataset.theme = theme;
    document.documentElement.dataset.themeChoice = choice === "light" || choice === "dark" ? choice : "system";
    dispatchEvent(new Event("${THEME_CHANGED}"));
  };
  dark.addEventListener("change", apply);
  addEventListener("storage", (event) => { if (event.key === "${THEME_KEY}") apply(); });
  addEventListener("${THEME_APPLY}", apply);
  const watch = () => {
    const root = document.documentElement;
    if (!root) return;
    observer.observe(root, { attributeFilter: ["data-theme"] });
    if (!root.dataset.theme) apply();
  };
  const observer = new MutationObserver(watch);
  observer.observe(document, { childList: true });
  watch();
})();`;
