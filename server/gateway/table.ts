/** The route table in memory: swapped whole, so that a request sees one revision from its first to its last byte. */
import {
  type Environment,
  laneName,
  type RevisedTable,
  type Route,
  type RouteArm,
  type RouteReplica,
} from "./contract";
import { Turns } from "./turns";

/** A replica as the gateway knows it. `outstanding` survives a swap of the table. */
export interface Upstream {
  id: string;
  hostname: string;
  port: number;
  authorization: string;
  outstanding: number;
}

/** Which version of which lane answers: what counts and headers are kept by. */
export interface ServedVersion extends Pick<Route, "teamId" | "modelId" | "model" | "environment"> {
  version: RouteArm["version"];
  releaseId: string;
}

/** One version may serve both lanes of its model: counts of one are never the other's. */
export const keyOf = ({ environment, version }: Pick<ServedVersion, "environment" | "version">): string =>
  keyOfCount({ environment, versionId: version.id });
export const keyOfCount = (row: { environment: Environment; versionId: string }): string =>
  `${row.environment}/${row.versionId}`;
/** "garment v3", "garment@staging v3". */
export const nameOf = ({ model, environment, version }: ServedVersion): string =>
  `${laneName(model, environment)} v${version.number}`;

export interface Target {
  route: ServedVersion;
  upstreams: readonly Upstream[];
  /** Headers of every answer of this version. */
  headers: Record<string, string>;
}

/** A lane's versions in force, and whose turn it is. */
export class Arms {
  private readonly turns: Turns;
  private readonly shadowTurns: Turns;

  constructor(
    readonly targets: readonly Target[],
    readonly shadow: Target | null,
    weights: { arms: readonly number[]; shadowPercent: number },
    before: Arms | undefined,
  ) {
    this.turns = Turns.of(weights.arms, before?.turns);
    const { shadowPercent } = weights;
    this.shadowTurns = Turns.of([shadowPercent, 100 - shadowPercent], before?.shadowTurns);
  }

  /** The version whose turn it is to answer. */
  next(): Target {
    return this.at(this.turns.next());
  }
  /** The version with most of the traffic. */
  main(): Target {
    return this.at(this.turns.weights.indexOf(Math.max(...this.turns.weights)));
  }
  /** The arm of a version as a path names it: "7" or "v7". */
  ofVersion(named: string): Target | undefined {
    const number = named.replace(/^v/, "");
    return this.targets.find(({ route }) => String(route.version.number) === number);
  }
  /** The shadow where this request is among its share. */
  nextShadow(): Target | null {
    return this.shadow && this.shadowTurns.next() === 0 ? this.shadow : null;
  }

  private at(index: number): Target {
    const target = this.targets[index];
    if (!target) throw new Error("a route has no arm with a weight, which its shape refuses");
    return target;
  }
}

const laneKey = (teamId: string, name: string) => `${teamId}/${name}`;

export class Routes {
  /** −1 until the first table is known. */
  revision = -1;
  private lanes = new Map<string, Arms>();

  /** @param bearerOf the token that a replica takes, by its id */
  constructor(private readonly bearerOf: (replicaId: string) => string) {}

  /** @param name as `laneName` makes it */
  find(teamId: string, name: string): Arms | undefined {
    return this.lanes.get(laneKey(teamId, name));
  }

  /** Whether this version is in force and has no replica. */
  isAsleep({ teamId, model, environment, version }: ServedVersion): boolean {
    const targets = this.find(teamId, laneName(model, environment))?.targets ?? [];
    return targets.some(({ route, upstreams }) => route.version.id === version.id && upstreams.length === 0);
  }

  /** Takes a table into force in one step; requests in flight keep the target they were given. */
  swap(table: RevisedTable): void {
    const upstream = this.upstreams();
    const target = (route: Route, arm: Pick<RouteArm, "version" | "releaseId" | "replicas">): Target => ({
      route: {
        teamId: route.teamId,
        modelId: route.modelId,
        model: route.model,
        environment: route.environment,
        version: arm.version,
        releaseId: arm.releaseId,
      },
      upstreams: arm.replicas.map(upstream),
      headers: {
        "x-lathe-version": String(arm.version.number),
        "x-lathe-digest": arm.version.digest,
        "x-lathe-environment": route.environment,
        "x-lathe-release": arm.releaseId,
      },
    });
    this.lanes = new Map(
      table.routes.map((route) => {
        const key = laneKey(route.teamId, laneName(route.model, route.environment));
        const weights = {
          arms: route.arms.map((arm) => arm.weight),
          shadowPercent: route.shadow?.percent ?? 0,
        };
        const targets = route.arms.map((arm) => target(route, arm));
        const shadow = route.shadow && target(route, route.shadow);
        return [key, new Arms(targets, shadow, weights, this.lanes.get(key))];
      }),
    );
    this.revision = table.revision;
  }

  /** Replicas by id and address: those known keep what they count. */
  private upstreams(): (replica: RouteReplica) => Upstream {
    const known = new Map<string, Upstream>();
    const placeOf = (u: Pick<Upstream, "id" | "hostname" | "port">) => `${u.id}@${u.hostname}:${u.port}`;
    for (const { targets, shadow } of this.lanes.values())
      for (const target of shadow ? [...targets, shadow] : targets)
        for (const upstream of target.upstreams) known.set(placeOf(upstream), upstream);
    return ({ id, address }) => {
      const url = new URL(address);
      const place = { id, hostname: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port) };
      const upstream = known.get(placeOf(place)) ?? {
        ...place,
        authorization: `Bearer ${this.bearerOf(id)}`,
        outstanding: 0,
      };
      known.set(placeOf(place), upstream);
      return upstream;
    };
  }
}

/** The replica with the fewest requests under way among those not tried yet; the first listed wins a tie. */
export function leastBusy(
  upstreams: readonly Upstream[],
  tried: ReadonlySet<Upstream>,
): Upstream | undefined {
  let best: Upstream | undefined;
  for (const candidate of upstreams) {
    if (tried.has(candidate)) continue;
    if (!best || candidate.outstanding < best.outstanding) best = candidate;
  }
  return best;
}
