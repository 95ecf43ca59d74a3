"use client";

import { useState } from "react";
import { cx } from "./cx";
import { shortDigest } from "./format";

type Copied = "no" | "copied" | "refused";

/** Copies `text`; says "Copied", or what to do where the browser does not allow it. */
export function CopyButton({
  text,
  label,
  className,
}: {
  text: string;
  label: string;
  className?: string | undefined;
}) {
  const [state, setState] = useState<Copied>("no");
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setState("copied"),
      () => setState("refused"),
    );
  const words: Record<Copied, string> = { no: "Copy", copied: "Copied", refused: "Press Ctrl+C" };
  return (
    <button
      type="button"
      className={cx("btn sm ghost copy-button", className)}
      onClick={copy}
      onBlur={() => setState("no")}
      aria-label={state === "no" ? `Copy ${label}` : undefined}
    >
      <span aria-live="polite">{words[state]}</span>
    </button>
  );
}

/** A digest by its first seven characters; a press copies all of it. */
export function Digest({ value, label = "digest" }: { value: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <button
      type="button"
      className="digest"
      title={copied ? "Copied" : `${value}: press to copy`}
      aria-label={copied ? "Copied" : `Copy ${label} ${shortDigest(value)}`}
      onBlur={() => setCopied(false)}
      onClick={(event) => {
        event.stopPropagation();
        void navigator.clipboard.writeText(value).then(() => setCopied(true));
      }}
    >
      {shortDigest(value)}
    </button>
  );
}

/** One line of mono text that is taken along: a command, a link, a request id. */
export function Snippet({ text, label }: { text: string; label: string }) {
  return (
    <div className="copy">
      <span>{text}</span>
      <CopyButton text={text} label={label} />
    </div>
  );
}

/** Several lines of mono text, scrolling inside their own frame. */
export function Code({ children, label }: { children: string; label: string }) {
  return (
    <section className="code" aria-label={label}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre tabIndex={0}>{children}</pre>
    </section>
  );
}
