/** What target mode finds on the sample model, by itself: how small and how fast at most half a point below it. */
import type { Api } from "../../e2e/fixtures/api";
import { type Bench, nextRevision, openSession } from "../project";
import { type Figures, figure } from "../result";

type Solve = Parameters<Api["studio"]["solve"]["mutate"]>[0];
type Settings = Solve["settings"];
type Baseline = Awaited<ReturnType<Api["studio"]["baseline"]["query"]>>;

const POINTS = 0.5;
/** Where a server's time goes; at batch 1 the sample model takes half a millisecond, most of it overhead. */
const BATCH = 64;
const EPOCHS = { bytes: 0.5, latency: 1 };
const SPARSITY = 0.6;

export async function targets(bench: Bench): Promise<Figures> {
  const { api, team } = bench;
  const sessionId = await openSession(bench);
  const { sizes, latency } = await api.studio.baseline.query({ team, sessionId });
  const lightest = await solved(bench, sessionId, { goal: "loss", points: POINTS }, EPOCHS.bytes);
  const mostMs = ofBatch(latency).p50Ms / 2;
  const fastest = await solved(bench, sessionId, { goal: "latency", batch: BATCH, mostMs }, EPOCHS.latency);
  const gain =
    (await difference(bench, sessionId, "sensitivity")) - (await difference(bench, sessionId, "magnitude"));
  return {
    "studio.best_zstd_ratio": figure([weight(sizes) / weight(lightest.sizes)], "×", told(lightest)),
    "studio.best_latency_ratio": figure(
      [1 / known(ofBatch(fastest.latency).ratio, "the ratio")],
      "×",
      told(fastest),
    ),
    "studio.allocation_gain_60": figure([gain * 100], "points", { over: "global magnitude, one shot" }),
  };
}

function known<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Error(`${what} was not measured`);
  return value;
}
const ofBatch = (latency: Baseline["latency"]) =>
  known(
    latency.find(({ batch }) => batch === BATCH),
    `batch ${BATCH}`,
  );
const weight = (sizes: Baseline["sizes"]): number => known(sizes.zstd19, "the size after zstd");
const told = ({ settings, difference, halfWidth, sizes, latency, seconds, steps }: Measured) => ({
  settings,
  points: difference * 100,
  interval: [(difference - halfWidth) * 100, (difference + halfWidth) * 100],
  sizes,
  latency,
  seconds,
  steps,
});

interface Measured {
  settings: Settings;
  difference: number;
  halfWidth: number;
  sizes: Baseline["sizes"];
  latency: Baseline["latency"];
  seconds: number;
  steps: number;
}

/** Searches, and answers what it settled on as measured on the whole test set. */
async function solved(
  { api, team }: Bench,
  sessionId: string,
  target: Solve["target"],
  recovery: number,
): Promise<Measured> {
  const found: Partial<Measured> = { steps: 0 };
  const lines = await api.studio.solve.mutate({
    team,
    sessionId,
    rev: nextRevision(),
    target,
    settings: { recovery },
  });
  for await (const line of lines) {
    if (line.type === "failed") throw new Error(`the search failed: ${line.message}`);
    if (line.type === "tried") found.steps = (found.steps ?? 0) + 1;
    if (line.type === "settled") found.settings = line.settings;
    if (line.type === "sizes") found.sizes = line.sizes;
    if (line.type === "latency") found.latency = line.latency;
    if (line.type === "accuracy") {
      const { difference, halfWidth } = line.paired;
      Object.assign(found, { difference, halfWidth });
    }
    if (line.type === "done") return { ...found, seconds: line.elapsedMs / 1000 } as Measured;
  }
  throw new Error("the search ended without a figure");
}

/** What sparsity by an allocation costs on the whole test set, one shot, as a share. */
async function difference(
  { api, team }: Bench,
  sessionId: string,
  allocation: NonNullable<Settings["allocation"]>,
): Promise<number> {
  const settings: Settings = { sparsity: SPARSITY, allocation };
  let last = Number.NaN;
  const rev = nextRevision();
  for await (const line of await api.studio.evaluate.mutate({ team, sessionId, rev, settings })) {
    if (line.type === "failed") throw new Error(line.message);
    if (line.type === "accuracy") last = line.paired.difference;
  }
  return last;
}
