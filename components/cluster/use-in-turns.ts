"use client";
import { useEffect, useRef, useState } from "react";
import { takeTurns } from "./node-parts";

/** A value that many parts show: when it changes they take it one after the other, one in each frame. */
export function useInTurns<T extends object>(value: T, parts: number): readonly T[] {
  const [taken, setTaken] = useState<readonly T[]>([]);
  const last = useRef(0);
  useEffect(() => {
    const take = (now: number) =>
      setTaken((before) =>
        Array.from({ length: parts }, (_, part) => (part === now ? value : (before[part] ?? value))),
      );
    return takeTurns(parts, last, take, window);
  }, [value, parts]);
  return taken;
}
