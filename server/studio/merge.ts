/** Which versions of a model can be merged, why others can't, and the graphs that a merge joins. */
import { kinOf, versionForWork } from "../models/service";
import type { TeamContext } from "../platform/context";
import type { Db } from "../platform/db";
import { Conflict, Invalid, NotFound } from "../platform/errors";
import { type Merge, type MergeParents, type MergePartner, type Settings, usesAncestor } from "./contract";

export type Kin = Pick<
  Awaited<ReturnType<typeof kinOf>>[number],
  "id" | "number" | "state" | "tier" | "parentId" | "mergedWithId" | "floatDigest" | "inspection"
>;

/** A version and everything that it came from, by number. */
function line(kin: readonly Kin[], of: Kin): Set<number> {
  const byId = new Map(kin.map((k) => [k.id, k]));
  const found = new Set<number>();
  const open: (Kin | undefined)[] = [of];
  while (open.length > 0) {
    const next = open.pop();
    if (!next || found.has(next.number)) continue;
    found.add(next.number);
    for (const id of [next.parentId, next.mergedWithId]) if (id) open.push(byId.get(id));
  }
  return found;
}

/** The newest version that both came from, which may be one of them: a parent is always older than its child. */
export function sharedAncestor<K extends Kin>(kin: readonly K[], a: Kin, b: Kin): K | null {
  const [ours, theirs] = [line(kin, a), line(kin, b)];
  return kin.toReversed().find(({ number }) => ours.has(number) && theirs.has(number)) ?? null;
}

const WEIGHTED = ["Conv", "ConvTranspose", "Gemm", "MatMul"];
const weighted = ({ inspection }: Kin) => inspection?.layers.filter(({ op }) => WEIGHTED.includes(op)) ?? [];
const times = (shape: readonly number[]) => shape.join("×");

/** Where the weights of two versions first differ in shape, in words; a quantized file has those of its fp32 graph. */
function shapesDiffer(a: Kin, b: Kin): string | null {
  const [ours, theirs] = [weighted(a), weighted(b)];
  if (ours.length !== theirs.length)
    return `v${a.number} has ${ours.length} layers with weights, v${b.number} has ${theirs.length}`;
  for (const [place, { name, shape }] of ours.entries()) {
    const other = theirs[place]?.shape ?? [];
    // One exporter keeps a linear layer's weights as they are, another turned over.
    if (times(shape.toSorted((x, y) => x - y)) !== times(other.toSorted((x, y) => x - y)))
      return `${name} is ${times(shape)} in v${a.number} and ${times(other)} in v${b.number}`;
  }
  return null;
}

/** Beyond it weights can be edited at most, not read into the modules that a merge joins. */
const MERGED_TIERS = 2;

interface Refusal {
  code: string;
  message: string;
  remedy: string;
}

/** Why two versions can't be merged; null where they can, as far as their inspections tell. */
export function refusalOf(kin: readonly Kin[], ours: Kin, partner: Kin): Refusal | null {
  const name = `v${partner.number}`;
  if (partner.id === ours.id)
    return {
      code: "merge_itself",
      message: `${name} can't be merged with itself.`,
      remedy: "Choose another version of this model.",
    };
  if (partner.state !== "ready")
    return {
      code: "version_not_ready",
      message: `${name} is ${partner.state}.`,
      remedy: "Only versions that passed their inspection can be merged.",
    };
  const fixed = [ours, partner].find(({ tier }) => (tier ?? 0) > MERGED_TIERS);
  if (fixed)
    return {
      code: "merge_tier",
      message: [
        `v${fixed.number} can't be merged: tier ${fixed.tier}.`,
        ...(fixed.inspection?.tierReasons ?? []),
      ].join(" "),
      remedy: "Versions that can be fine-tuned, of tier 1 or 2, can be merged.",
    };
  if (!sharedAncestor(kin, ours, partner)) {
    const [first, other] = [Math.min(...line(kin, ours)), Math.min(...line(kin, partner))];
    return {
      code: "no_shared_ancestor",
      message: `v${ours.number} goes back to v${first} and ${name} to v${other}: they share no ancestor.`,
      remedy:
        "Choose a version that was made out of the same upload: weights that never met can't be averaged.",
    };
  }
  const shapes = shapesDiffer(ours, partner);
  if (shapes)
    return {
      code: "merge_shapes",
      message: `${name} has other shapes: ${shapes}.`,
      remedy: "Merge first, then remove channels: a merge is the first step of a recipe.",
    };
  return null;
}

/** The versions beside this one, newest first, each with the reason where it can't be merged. @throws NotFound */
export async function mergePartners(
  ctx: TeamContext,
  input: { versionId: string; datasetId: string },
): Promise<MergePartner[]> {
  const { version } = await versionForWork(ctx.db, ctx.teamId, input.versionId);
  const kin = await kinOf(ctx.db, ctx.teamId, version.modelId, input.datasetId);
  const ours = kin.find((k) => k.id === version.id);
  if (!ours) throw new NotFound("There is no such version in this team.");
  return kin
    .filter((k) => k !== ours)
    .map((partner) => ({
      number: partner.number,
      reason: refusalOf(kin, ours, partner)?.message ?? null,
      ancestorNumber: sharedAncestor(kin, ours, partner)?.number ?? null,
      accuracy: partner.accuracy,
    }))
    .toReversed();
}

/**
 * The partner, and the digests of the fp32 graphs that a merge joins. @throws NotFound, Invalid, Conflict
 */
export async function resolveMerge(
  db: Db,
  teamId: string,
  versionId: string,
  merge: Merge,
): Promise<{ partnerId: string; parents: MergeParents }> {
  const { version, model } = await versionForWork(db, teamId, versionId);
  const kin = await kinOf(db, teamId, version.modelId, null);
  const [ours, partner] = [kin.find((k) => k.id === version.id), kin.find((k) => k.number === merge.partner)];
  if (!ours || !partner) {
    throw new NotFound(`${model.name} has no v${merge.partner} to merge with.`, {
      remedy: "Choose another version of this model.",
    });
  }
  const refusal = refusalOf(kin, ours, partner);
  if (refusal) {
    const Kind = refusal.code === "merge_itself" ? Invalid : Conflict;
    throw new Kind(refusal.message, refusal);
  }
  const ancestor = usesAncestor(merge.method) ? sharedAncestor(kin, ours, partner) : null;
  const shapes = ancestor && shapesDiffer(ours, ancestor);
  if (shapes) {
    throw new Conflict(`The shared ancestor has other shapes: ${shapes}.`, {
      code: "merge_shapes",
      remedy: "Soup and slerp don't need the ancestor.",
    });
  }
  return {
    partnerId: partner.id,
    parents: { partner: partner.floatDigest, ancestor: ancestor?.floatDigest ?? null },
  };
}

/** Settings for whoever builds them: with the digests that their merge joins, whatever they said of them. */
export async function resolved(
  db: Db,
  teamId: string,
  versionId: string,
  settings: Settings,
): Promise<Settings> {
  const { merge } = settings;
  if (!merge) return settings;
  const { parents } = await resolveMerge(db, teamId, versionId, merge);
  return { ...settings, merge: { ...merge, parents } };
}
