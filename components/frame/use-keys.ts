"use client";

import { useEffect, useEffectEvent } from "react";

/** How long `g` waits for its second key, in ms. */
const CHORD_MS = 1200;

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof Element && target.closest("input, textarea, select, [contenteditable=true]") !== null
  );
}

type Keys = {
  onPalette: () => void;
  onHelp: () => void;
  /** `g` and then this letter. */
  onGo: (letter: string) => void;
};

/** The keys of the whole console: ⌘K or Ctrl+K, `?`, and `g` with a letter. None of them while someone types. */
export function useKeys(keys: Keys): void {
  const palette = useEffectEvent(keys.onPalette);
  const help = useEffectEvent(keys.onHelp);
  const go = useEffectEvent(keys.onGo);
  useEffect(() => {
    let chordUntil = 0;
    const onKeyDown = (event: KeyboardEvent) => {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        palette();
        return;
      }
      const isDialogOpen = document.querySelector("[role=dialog], [role=alertdialog]") !== null;
      if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target) || isDialogOpen) return;
      if (event.key === "?") help();
      else if (event.key === "g") chordUntil = event.timeStamp + CHORD_MS;
      else if (event.timeStamp < chordUntil) {
        chordUntil = 0;
        go(event.key);
      }
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
}
