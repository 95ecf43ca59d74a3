import type { ReactNode } from "react";

const PATHS = {
  overview: <path d="M2.5 13.5V9M6.2 13.5V5M9.8 13.5V7.5M13.5 13.5V2.5" />,
  models: <path d="M8 2 13.5 5v6L8 14 2.5 11V5Z M2.5 5 8 8l5.5-3M8 8v6" />,
  training: <path d="M2.5 2.5v11h11M4.5 4.5c1 5 3.5 6.5 9 7" />,
  releases: <path d="M2.5 8h7M7 4.5 10.5 8 7 11.5M13.5 3v10" />,
  cluster: <path d="M2.5 2.5H7V7H2.5ZM9 2.5h4.5V7H9ZM2.5 9H7v4.5H2.5ZM9 9h4.5v4.5H9Z" />,
  datasets: <path d="M2.5 3.5h11M2.5 8h11M2.5 12.5h11M6 3.5v9" />,
  audit: <path d="M4 2.5h8v11H4ZM6.2 5.5h3.6M6.2 8h3.6M6.2 10.5h2" />,
  settings: (
    <>
      <path d="M2.5 4.5h6M11.5 4.5h2M2.5 11.5h2M7.5 11.5h6" />
      <circle cx="10" cy="4.5" r="1.5" />
      <circle cx="6" cy="11.5" r="1.5" />
    </>
  ),
  switcher: <path d="m5 6.5 3-3 3 3M5 9.5l3 3 3-3" />,
  more: <path strokeWidth="2" d="M3.5 8h0M8 8h0M12.5 8h0" />,
  chevron: <path d="m5 6.5 3 3 3-3" />,
  collapse: <path d="M9.5 4.5 6 8l3.5 3.5M13.5 3v10" />,
  close: <path d="m4 4 8 8M12 4l-8 8" />,
  check: <path strokeWidth="1.75" d="m3.5 8.2 3 3 6-6.4" />,
  locked: <path d="M4 7.5h8v5.5H4ZM5.5 7.5V5.6a2.5 2.5 0 0 1 5 0v1.9" />,
  unlocked: <path d="M4 7.5h8v5.5H4ZM5.5 7.5V5.1a2.5 2.5 0 0 1 4.9-.6" />,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof PATHS;

/** Icons exist only where the rail collapses to them, for locks, closing and overflow menus; always beside a name. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="i" viewBox="0 0 16 16" aria-hidden="true">
      {PATHS[name]}
    </svg>
  );
}

/** The mark of the product. */
export function Mark() {
  return (
    <svg
      className="mark"
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.25"
      aria-hidden="true"
    >
      <circle cx="8" cy="8" r="6.4" />
      <path d="M1.6 8h3.2l1.6-3.4 3 6.4 1.6-3h3.4" stroke="var(--accent)" />
    </svg>
  );
}
