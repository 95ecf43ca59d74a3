/** The route table in memory: swapped whole, so that a request sees one revision from its first to its last byte. */
import type { RevisedTable, Route } from "./contract";

/** A replica as the gateway knows it. `outstanding` survives a swap of the table. */
export interface Upstream {
  id: string;
  hostname: string;
  port: number;
  authorization: string;
  outstanding: number;
}

export interface Target {
  route: Route;
  upstreams: readonly Upstream[];
  /** Headers of every answer of this version. */
  headers: Record<string, string>;
}

const keyOf = (teamId: string, model: string) => `${teamId}/${model}`;

export class Routes {
  /** −1 until the first table is known. */
  revision = -1;
  private targets = new Map<string, Target>();

  /** @param bearerOf the token that a replica takes, by its id */
  constructor(private readonly bearerOf: (replicaId: string) => string) {}

  find(teamId: string, model: string): Target | undefined {
    return this.targets.get(keyOf(teamId, model));
  }
  all(): Route[] {
    return [...this.targets.values()].map((target) => target.route);
  }

  /** Takes a table into force in one step; requests in flight keep the target they were given. */
  swap(table: RevisedTable): void {
    const known = new Map(
      [...this.targets.values()]
        .flatMap((t) => t.upstreams)
        .map((u) => [`${u.id}@${u.hostname}:${u.port}`, u]),
    );
    const upstream = (id: string, address: string): Upstream => {
      const { hostname, port } = new URL(address);
      return (
        known.get(`${id}@${hostname}:${port}`) ?? {
          id,
          hostname: hostname.replace(/^\[|\]$/g, ""),
          port: Number(port),
          authorization: `Bearer ${this.bearerOf(id)}`,
          outstanding: 0,
        }
      );
    };
    this.targets = new Map(
      table.routes.map((route) => [
        keyOf(route.teamId, route.model),
        {
          route,
          upstreams: route.replicas.map((r) => upstream(r.id, r.address)),
          headers: {
            "x-lathe-version": String(route.version.number),
            "x-lathe-digest": route.version.digest,
            "x-lathe-release": route.releaseId,
          },
        },
      ]),
    );
    this.revision = table.revision;
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
