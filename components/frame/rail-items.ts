import type { RailItem } from "./types";

/** The main places of the console, in the order of the rail. */
export const RAIL_ITEMS: readonly RailItem[] = [
  { href: "/overview", label: "Overview", icon: "overview", key: "o" },
  { href: "/models", label: "Models", icon: "models", key: "m" },
  { href: "/training", label: "Training", icon: "training", key: "t" },
  { href: "/releases", label: "Releases", icon: "releases", key: "r" },
  { href: "/cluster", label: "Cluster", icon: "cluster", key: "c" },
  { href: "/datasets", label: "Datasets", icon: "datasets", key: "d" },
  { href: "/audit", label: "Audit", icon: "audit", key: "a", low: true },
  { href: "/settings", label: "Settings", icon: "settings", key: "s", low: true },
];
