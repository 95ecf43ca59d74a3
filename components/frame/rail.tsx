"use client";

import Link from "next/link";
import { usePathname } from "next/navigation";
import { Icon, Mark } from "@/components/ui/icons";
import { Menu } from "@/components/ui/menu";
import type { RailItem, Team } from "./types";

type RailProps = {
  team: Team;
  teams: readonly Team[];
  onTeam?: ((id: string) => void) | undefined;
  items: readonly RailItem[];
  isMini: boolean;
  onMini: (isMini: boolean) => void;
};

const isIn = (pathname: string, href: string) => pathname === href || pathname.startsWith(`${href}/`);

/** The left rail: whose console it is, and its main places. Collapses to icons. */
export function Rail({ team, teams, onTeam, items, isMini, onMini }: RailProps) {
  const pathname = usePathname();
  const place = (item: RailItem) => (
    <Link
      key={item.href}
      href={item.href}
      aria-current={isIn(pathname, item.href) ? "page" : undefined}
      title={isMini ? item.label : undefined}
    >
      <Icon name={item.icon} />
      <span className="name">{item.label}</span>
      {item.count !== undefined && item.count > 0 && <span className="n">{item.count}</span>}
    </Link>
  );
  return (
    <nav className="rail" aria-label="Main">
      <a href="#page" className="skip">
        Skip to the page
      </a>
      <TeamSwitcher team={team} teams={teams} onTeam={onTeam} />
      {items.filter((item) => !item.low).map(place)}
      <span className="gap" />
      {items.filter((item) => item.low).map(place)}
      <button
        type="button"
        className="rail-collapse"
        aria-expanded={!isMini}
        aria-label={isMini ? "Widen the rail" : "Collapse the rail to icons"}
        title={isMini ? "Widen" : "Collapse to icons"}
        onClick={() => onMini(!isMini)}
      >
        <Icon name="collapse" />
        <span className="name">Collapse</span>
      </button>
    </nav>
  );
}

function TeamSwitcher({ team, teams, onTeam }: Pick<RailProps, "team" | "teams" | "onTeam">) {
  if (teams.length < 2 || !onTeam) {
    return (
      <div className="team" title={team.name}>
        <Mark />
        <span className="name">{team.name}</span>
      </div>
    );
  }
  const items = teams.map(({ id, name }) => ({
    label: name,
    checked: id === team.id,
    onPress: () => onTeam(id),
  }));
  return (
    <Menu
      label={`Team ${team.name}: switch`}
      groups={[{ label: "Teams", items }]}
      align="start"
      trigger={
        <button type="button" className="team" title={team.name}>
          <Mark />
          <span className="name">{team.name}</span>
          <Icon name="switcher" />
        </button>
      }
    />
  );
}
