"use client";

import { useSyncExternalStore } from "react";
import { THEME_APPLY, THEME_CHANGED, THEME_KEY } from "./theme-script";

export type ThemeChoice = "system" | "light" | "dark";

/** Calls back whenever the theme on screen changed; returns the unsubscriber. */
export function onThemeChange(callback: () => void): () => void {
  window.addEventListener(THEME_CHANGED, callback);
  return () => window.removeEventListener(THEME_CHANGED, callback);
}

function readChoice(): ThemeChoice {
  const choice = document.documentElement.dataset.themeChoice;
  return choice === "light" || choice === "dark" ? choice : "system";
}

/** Stores the choice for this browser and applies it at once. A browser that forbids storage keeps "system". */
export function setThemeChoice(choice: ThemeChoice): void {
  if (choice === "system") window.localStorage.removeItem(THEME_KEY);
  else window.localStorage.setItem(THEME_KEY, choice);
  window.dispatchEvent(new Event(THEME_APPLY));
}

/** The stored choice; "system" while rendering on the server. */
export function useThemeChoice(): ThemeChoice {
  return useSyncExternalStore(onThemeChange, readChoice, () => "system");
}

/** The theme on screen; "light" while rendering on the server. Use it as a key for drawings on canvas. */
export function useTheme(): "light" | "dark" {
  return useSyncExternalStore(
    onThemeChange,
    () => (document.documentElement.dataset.theme === "dark" ? "dark" : "light"),
    () => "light",
  );
}
