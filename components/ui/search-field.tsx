"use client";
import { useEffect, useRef } from "react";
import { Input } from "@/components/ui/field";
import { KeyHint } from "@/components/ui/key-hint";

/** A search field that `/` focuses. */
export function SearchField(props: {
  value: string;
  onValueChange: (value: string) => void;
  placeholder: string;
}) {
  const field = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      const typing =
        event.target instanceof Element && event.target.closest("input, textarea, [role=textbox]");
      if (event.key !== "/" || typing || event.metaKey || event.ctrlKey) return;
      event.preventDefault();
      field.current?.querySelector("input")?.focus();
    };
    document.addEventListener("keydown", focus);
    return () => document.removeEventListener("keydown", focus);
  }, []);
  return (
    <div ref={field} className="search-field">
      <Input {...props} type="search" aria-label={props.placeholder} unit={<KeyHint keys="/" />} />
    </div>
  );
}
