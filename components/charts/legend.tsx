import type { ReactNode } from "react";
import { cx } from "@/components/ui/cx";
import type { LegendItem } from "./types";

const DASH = { solid: undefined, dashed: "5 3", dotted: "1 3" } as const;

/** A stroke or a shape as the chart draws it, in a box of 18 × 8. */
export function Mark({ mark, color }: Pick<LegendItem, "mark" | "color">): ReactNode {
  if (mark === "dot") return <circle cx="9" cy="4" r="3.5" fill={color} />;
  if (mark === "square") return <rect x="5" y="0" width="8" height="8" fill={color} />;
  if (mark === "diamond") return <path d="M9 0 13 4 9 8 5 4Z" fill={color} />;
  if (mark === "band") return <rect width="18" height="8" fill={color} opacity="0.25" />;
  return (
    <path
      d="M0 4h18"
      stroke={color}
      strokeWidth={mark === "dotted" ? 1 : 1.75}
      strokeDasharray={DASH[mark]}
      fill="none"
    />
  );
}

/** Each stroke as it is drawn in the chart, with its name; a press hides or shows it where that is possible. */
export function Legend({ items }: { items: readonly LegendItem[] }) {
  return (
    <span className="legend">
      {items.map((item) => {
        const content = (
          <>
            <svg viewBox="0 0 18 8" aria-hidden="true">
              <Mark mark={item.mark} color={item.color} />
            </svg>
            {item.label}
          </>
        );
        return item.onToggle ? (
          <button
            key={item.label}
            type="button"
            aria-pressed={!item.isHidden}
            className={cx(item.isHidden && "gone")}
            onClick={item.onToggle}
          >
            {content}
          </button>
        ) : (
          <span key={item.label}>{content}</span>
        );
      })}
    </span>
  );
}
