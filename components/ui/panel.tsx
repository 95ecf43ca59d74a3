import type { ReactNode } from "react";
import { cx } from "./cx";

type PanelProps = {
  title?: ReactNode;
  /** On the title's line: n, period or provenance. */
  subtitle?: ReactNode;
  /** At the right end of the title's line. */
  tools?: ReactNode;
  /** Pads the content; tables and lists bring their own padding. */
  padded?: boolean | undefined;
  /** No rule under the title. */
  bare?: boolean | undefined;
  className?: string | undefined;
  /** Name for screen readers where there is no title. */
  label?: string | undefined;
  children?: ReactNode;
};

/** A block of a page: one border, one rule under its title. Never a panel inside a panel. */
export function Panel({ title, subtitle, tools, padded, bare, className, label, children }: PanelProps) {
  return (
    <section className={cx("panel", className)} aria-label={label}>
      {title !== undefined && (
        <header className={cx(bare && "bare")}>
          <h2>{title}</h2>
          {subtitle && <span className="t2 s12 clip">{subtitle}</span>}
          <span className="grow" />
          {tools}
        </header>
      )}
      {padded ? <div className="body">{children}</div> : children}
    </section>
  );
}

/** Tiles of equal width in one panel, parted by hairlines. Holds `Metric`s. */
export function Tiles({
  children,
  className,
  label,
}: {
  children: ReactNode;
  className?: string;
  label?: string;
}) {
  return (
    <section className={cx("panel tiles", className)} aria-label={label}>
      {children}
    </section>
  );
}

/** Names and values in two columns. */
export function DefinitionList({ items }: { items: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className="kv">
      {items.map(([name, value]) => (
        <div key={name} className="contents">
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
