/**
 * Two ports that slices implement and `wiring.ts` plugs in: what is desired of a cluster, and who takes what was
 * observed of it. So the engine knows the protocol and no slice.
 */
import type { z } from "zod";
import type { Db, Transaction } from "../platform/db";
import { singleton } from "../platform/singleton";
import type { DesiredState, Observation, ObservedCluster, ObservedService, Readings } from "./contract";

export type ObservedJob = NonNullable<Observation["jobs"]>[number];
export type ServiceObservation = z.infer<typeof ObservedService>;

/** Desired rows of one cluster. */
type Source<T> = (db: Db, clusterId: string) => Promise<T[]>;
export interface Sources {
  attempts: Source<DesiredState["attempts"][number]>;
  sessions: Source<DesiredState["sessions"][number]>;
  replicas: Source<DesiredState["replicas"][number]>;
  nodes: Source<DesiredState["nodes"][number]>;
}

/**
 * A sink locks its own rows and may call `desireChanged` after that: the cluster's row is locked last. `at` is when it was
 * observed, and never goes back.
 */
export interface Sinks {
  /** All jobs that the cluster has of ours. Answers whether something else is desired now. */
  jobs: (tx: Transaction, clusterId: string, jobs: ObservedJob[]) => Promise<boolean>;
  session: (tx: Transaction, observed: ServiceObservation, at: Date) => Promise<void>;
  replica: (tx: Transaction, observed: ServiceObservation, at: Date) => Promise<void>;
  /** Answers what it took of it, and how many values could not be true. */
  cluster: (
    tx: Transaction,
    clusterId: string,
    observed: ObservedCluster,
    at: Date,
  ) => Promise<{ value: ObservedCluster; dropped: number }>;
  /** Answers how many values could not be true. */
  readings: (tx: Transaction, clusterId: string, readings: Readings, at: Date) => Promise<number>;
}

interface Ports {
  sources: Partial<Sources>;
  sinks: Partial<Sinks>;
}
const ports = (): Ports => singleton("engine.ports", () => ({ sources: {}, sinks: {} }));

export const registerSources = (sources: Partial<Sources>): void =>
  void Object.assign(ports().sources, sources);
export const registerSinks = (sinks: Partial<Sinks>): void => void Object.assign(ports().sinks, sinks);
export const sources = (): Partial<Sources> => ports().sources;
export const sinks = (): Partial<Sinks> => ports().sinks;
