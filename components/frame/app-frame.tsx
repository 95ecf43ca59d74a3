"use client";

import { useRouter } from "next/navigation";
import { type ReactNode, useMemo, useState } from "react";
import { Button } from "@/components/ui/button";
import { useNow } from "@/components/ui/clock";
import { CommandPalette } from "@/components/ui/command-palette";
import { type Command, useCommands } from "@/components/ui/commands";
import { Banner } from "@/components/ui/feedback";
import { clockTime } from "@/components/ui/format";
import { setThemeChoice } from "@/components/ui/theme";
import { ToastProvider } from "@/components/ui/toast";
import { KeyList } from "./key-list";
import { Rail } from "./rail";
import { RAIL_ITEMS } from "./rail-items";
import { TopBar } from "./top-bar";
import type { Connection, Needs, RailItem, Team, User } from "./types";
import { useKeys } from "./use-keys";
import { useRailChoice } from "./use-rail-choice";

export type AppFrameProps = {
  team: Team;
  teams?: readonly Team[] | undefined;
  onTeam?: ((id: string) => void) | undefined;
  user: User;
  /** The places of the rail; by default all of the console, with `counts` beside them. */
  items?: readonly RailItem[] | undefined;
  /** By address: `{ "/training": 6 }`. */
  counts?: Readonly<Record<string, number>> | undefined;
  needs?: Needs | undefined;
  connection: Connection;
  /** What is typed into the palette, to offer with `useCommands` what only the server knows. */
  onPaletteQuery?: ((query: string) => void) | undefined;
  /** Whether the answer to what was typed is on its way. */
  isPaletteSearching?: boolean | undefined;
  onSignOut: () => void;
  /** Banners for the whole console, under the top bar. */
  banner?: ReactNode;
  children: ReactNode;
};

const NO_COUNTS: Readonly<Record<string, number>> = {};

/** The console around a page. Brings toasts, the palette, the keys and the skip link; reads no server itself. */
export function AppFrame(props: AppFrameProps) {
  const {
    team,
    teams = [],
    onTeam,
    user,
    items = RAIL_ITEMS,
    counts = NO_COUNTS,
    needs,
    connection,
    onSignOut,
  } = props;
  const router = useRouter();
  const [isPaletteOpen, setPaletteOpen] = useState(false);
  const [areKeysOpen, setKeysOpen] = useState(false);
  const [isMini, setMini] = useRailChoice();

  useKeys({
    onPalette: () => setPaletteOpen((open) => !open),
    onHelp: () => setKeysOpen(true),
    onGo: (letter) => {
      const item = items.find(({ key }) => key === letter);
      if (item) router.push(item.href);
    },
  });
  useCommands(useMemo(() => pageCommands(items), [items]));
  useCommands(ACTIONS);

  return (
    <ToastProvider>
      <div className={isMini ? "app mini" : "app"}>
        <Rail
          team={team}
          teams={teams}
          onTeam={onTeam}
          items={items.map((item) => ({ ...item, count: counts[item.href] ?? item.count }))}
          isMini={isMini}
          onMini={setMini}
        />
        <div className="main">
          <TopBar
            user={user}
            needs={needs}
            connection={connection}
            onSearch={() => setPaletteOpen(true)}
            onKeys={() => setKeysOpen(true)}
            onSignOut={onSignOut}
          />
          {connection.state === "offline" && <OfflineBanner {...connection} />}
          {props.banner}
          <main id="page" className="page" tabIndex={-1}>
            {props.children}
          </main>
        </div>
      </div>
      <CommandPalette
        open={isPaletteOpen}
        onOpenChange={setPaletteOpen}
        onQueryChange={props.onPaletteQuery}
        isSearching={props.isPaletteSearching}
      />
      <KeyList open={areKeysOpen} onOpenChange={setKeysOpen} items={items} />
    </ToastProvider>
  );
}

function pageCommands(items: readonly RailItem[]): readonly Command[] {
  return items.map(({ href, label, key }) => ({
    id: `page${href}`,
    group: "Pages",
    label,
    href,
    keys: key && `g ${key}`,
  }));
}

const ACTIONS: readonly Command[] = [
  { id: "theme-light", group: "Appearance", label: "Light theme", run: () => setThemeChoice("light") },
  { id: "theme-dark", group: "Appearance", label: "Dark theme", run: () => setThemeChoice("dark") },
  {
    id: "theme-system",
    group: "Appearance",
    label: "Theme of the system",
    run: () => setThemeChoice("system"),
  },
];

/** A break of this length is over before anyone could act on it. */
const BANNER_AFTER_MS = 5000;

function OfflineBanner({ since, onRetry }: Extract<Connection, { state: "offline" }>) {
  const now = useNow();
  if (now === null || now - since < BANNER_AFTER_MS) return null;
  return (
    <Banner
      state="stale"
      actions={
        onRetry && (
          <Button size="sm" onClick={onRetry}>
            Try now
          </Button>
        )
      }
    >
      <b>No connection since {clockTime(since, "local")}.</b> What you see is from then.
    </Banner>
  );
}
