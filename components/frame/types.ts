import type { IconName } from "@/components/ui/icons";

export type Team = { id: string; name: string };

export type User = { name: string; email: string };

/** The link to the server's events, as the top bar tells it. */
export type Connection =
  | { state: "live" }
  /** Events still to be read after a pause. */
  | { state: "catching-up"; behind?: number | undefined }
  /** Since when (Unix ms) nothing came, and the act that tries at once. */
  | { state: "offline"; since: number; onRetry?: (() => void) | undefined };

/** What waits for this person: approvals and failures; the gravest decides the shape. */
export type Needs = {
  problems: number;
  approvals: number;
  href: string;
};

export type RailItem = {
  href: string;
  label: string;
  icon: IconName;
  /** Shown at the right: runs in progress, open requests. */
  count?: number | undefined;
  /** The second key after `g`. */
  key?: string | undefined;
  /** At the lower end of the rail. */
  low?: boolean | undefined;
};
