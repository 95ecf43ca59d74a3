"use client";

import Link from "next/link";
import { usePathname } from "next/navigation";
import { useNow } from "@/components/ui/clock";
import { type Crumb, useCurrentCrumbs } from "@/components/ui/crumbs";
import { age, plural } from "@/components/ui/format";
import { Menu } from "@/components/ui/menu";
import { StatusDot } from "@/components/ui/status";
import { setThemeChoice, type ThemeChoice, useThemeChoice } from "@/components/ui/theme";
import type { Connection, Needs, User } from "./types";

type TopBarProps = {
  user: User;
  needs: Needs | undefined;
  connection: Connection;
  onSearch: () => void;
  onKeys: () => void;
  onSignOut: () => void;
};

/** Where one is, search, what waits for this person, whether the page is live, and who is signed in. */
export function TopBar({ user, needs, connection, onSearch, onKeys, onSignOut }: TopBarProps) {
  return (
    <header className="top">
      <Breadcrumbs />
      <span className="grow" />
      <button type="button" className="cmdk" onClick={onSearch} aria-keyshortcuts="Meta+K Control+K">
        <span>Search or do</span>
        <kbd>⌘K</kbd>
      </button>
      {needs && needs.problems + needs.approvals > 0 && <NeedsMe needs={needs} />}
      <ConnectionDot connection={connection} />
      <UserMenu user={user} onKeys={onKeys} onSignOut={onSignOut} />
    </header>
  );
}

/** The words of an address, for pages that do not name their place: "/models/garment-cls" is Models, garment-cls. */
function crumbsOf(pathname: string): readonly Crumb[] {
  const words = pathname.split("/").filter(Boolean);
  return words.map((word, index) => {
    const label = decodeURIComponent(word);
    return {
      label: index === 0 ? label.charAt(0).toUpperCase() + label.slice(1) : label,
      href: `/${words.slice(0, index + 1).join("/")}`,
    };
  });
}

function Breadcrumbs() {
  const pathname = usePathname();
  const crumbs = useCurrentCrumbs() ?? crumbsOf(pathname);
  return (
    <nav aria-label="Breadcrumbs" className="min-w-0">
      <ol className="crumbs">
        {crumbs.map(({ label, href }, index) => {
          const isLast = index === crumbs.length - 1;
          return (
            <li
              key={`${label} ${href}`}
              aria-current={isLast ? "page" : undefined}
              className={isLast ? "clip" : undefined}
            >
              {href && !isLast ? <Link href={href}>{label}</Link> : label}
            </li>
          );
        })}
      </ol>
    </nav>
  );
}

function NeedsMe({ needs: { problems, approvals, href } }: { needs: Needs }) {
  const words = [problems > 0 && plural(problems, "problem"), approvals > 0 && plural(approvals, "approval")];
  return (
    <Link href={href} className="needs">
      <StatusDot state={problems > 0 ? "bad" : "pending"}>{words.filter(Boolean).join(", ")}</StatusDot>
    </Link>
  );
}

function ConnectionDot({ connection }: { connection: Connection }) {
  const now = useNow();
  return (
    <span role="status" className="connection">
      {connection.state === "live" && <StatusDot state="ok">Live</StatusDot>}
      {connection.state === "catching-up" && (
        <StatusDot state="running">
          Catching up{connection.behind ? `, ${plural(connection.behind, "event")}` : ""}
        </StatusDot>
      )}
      {connection.state === "offline" && (
        <StatusDot state="stale">
          Offline
          {/* The age ticks for the eye; told once a second it would drown a screen reader. */}
          {now !== null && <span aria-hidden="true"> {age(now - connection.since)}</span>}
        </StatusDot>
      )}
    </span>
  );
}

const THEMES: readonly (readonly [ThemeChoice, string])[] = [
  ["system", "As the system"],
  ["light", "Light"],
  ["dark", "Dark"],
];

function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  return `${words[0]?.[0] ?? "?"}${words.length > 1 ? (words.at(-1)?.[0] ?? "") : ""}`.toUpperCase();
}

function UserMenu({ user, onKeys, onSignOut }: Pick<TopBarProps, "user" | "onKeys" | "onSignOut">) {
  const theme = useThemeChoice();
  const themes = THEMES.map(([choice, label]) => ({
    label,
    checked: theme === choice,
    onPress: () => setThemeChoice(choice),
  }));
  return (
    <Menu
      label={`${initials(user.name)}: ${user.name}, appearance, keys, sign out`}
      groups={[
        { label: `${user.name}, ${user.email}`, items: [{ label: "Keys", keys: "?", onPress: onKeys }] },
        { label: "Appearance", items: themes },
        { items: [{ label: "Sign out", onPress: onSignOut }] },
      ]}
      trigger={
        <button type="button" className="avatar">
          {initials(user.name)}
        </button>
      }
    />
  );
}
