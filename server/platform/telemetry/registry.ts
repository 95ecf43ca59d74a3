/** What a process counts for Prometheus: one registry each, text format 0.0.4. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { singleton } from "../singleton";

/** With CPU, memory, file descriptors and event-loop lag of the process in it. */
export const registry = (): Registry =>
  singleton("telemetry", () => {
    const made = new Registry();
    collectDefaultMetrics({ register: made });
    return made;
  });

/** The same metric whoever asks for it by its name: a module may be loaded more than once in a process. */
export const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
  singleton(`counter:${name}`, () => new Counter<L>({ name, help, labelNames, registers: [registry()] }));

export const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
  singleton(`gauge:${name}`, () => new Gauge<L>({ name, help, labelNames, registers: [registry()] }));

/** @param buckets upper edges, s */
export const histogram = <L extends string>(
  name: string,
  help: string,
  { labelNames, buckets }: { labelNames: readonly L[]; buckets: number[] },
) =>
  singleton(
    `histogram:${name}`,
    () => new Histogram<L>({ name, help, labelNames, buckets, registers: [registry()] }),
  );

export const CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;
