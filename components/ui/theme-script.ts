/** Where the choice is kept in this browser, and the events by which a change is told. */
export const THEME_KEY = "lathe.theme";
export const THEME_CHANGED = "lathe:theme";
export const THEME_APPLY = "lathe:theme:apply";

/**
 * Runs before the first paint, so that a stored choice never flashes the other theme. Afterwards it follows
 * the system and other tabs, and tells charts (which draw with resolved colours) that they must redraw. A document that
 * React renders anew has a new <html>, which gets the theme as well.
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
  apply();
  dark.addEventListener("change", apply);
  addEventListener("storage", (event) => { if (event.key === "${THEME_KEY}") apply(); });
  addEventListener("${THEME_APPLY}", apply);
  new MutationObserver(() => {
    if (document.documentElement && !document.documentElement.dataset.theme) apply();
  }).observe(document, { childList: true });
})();`;
