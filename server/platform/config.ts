/** The environment, read once. A wrong value names the variable, what was found and what is allowed. */
import { readFileSync } from "node:fs";
import type { BlockList } from "node:net";
import { resolve } from "node:path";
import { z } from "zod";
import { parseRanges } from "./ranges";
import { singleton } from "./singleton";

const port = z.coerce.number().int().min(1024).max(65535);
/** Their values are not shown, wrong as they may be. */
const SECRETS = new Set(["DATABASE_URL", "LATHE_METRICS_TOKEN"]);
const megabytes = z.coerce.number().int().positive();

const Environment = z.object({
  DATABASE_URL: z.string().min(1),
  LATHE_HOME: z.string().default(".lathe"),
  LATHE_PORT: port.default(7400),
  LATHE_GATEWAY_PORT: port.default(7401),
  LATHE_CONTROLLER_PORT: port.default(7402),
  LATHE_RAY_PORT: port.default(7410),
  LATHE_METRICS_TOKEN: z.string().min(16).optional(),
  LATHE_URL: z.url().optional(),
  LATHE_GATEWAY_URL: z.url().optional(),
  LATHE_GATEWAY_TIMEOUT_SECONDS: z.coerce.number().positive().max(3600).default(60),
  LATHE_GATEWAY_HOLD_SECONDS: z.coerce.number().positive().max(600).default(30),
  LATHE_GATEWAY_BODIES_MB: megabytes.default(256),
  LATHE_CLUSTER: z.enum(["local", "none"]).default("local"),
  LATHE_LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"),
  LATHE_MODEL_MAX_MB: megabytes.default(2048),
  LATHE_DATASET_MAX_MB: megabytes.default(4096),
  LATHE_UPLOAD_KEEP_HOURS: z.coerce.number().int().min(1).default(24),
  LATHE_POOL_MAX: z.coerce.number().int().min(1).max(64).default(6),
  LATHE_POOL_IDLE_SECONDS: z.coerce.number().int().min(5).default(60),
  /** Ranges of addresses that webhooks may reach beside the public internet. */
  LATHE_WEBHOOK_ALLOW: z
    .string()
    .default("")
    .transform((text, context) => {
      try {
        return parseRanges(text);
      } catch {
        context.addIssue({ code: "custom", message: "list ranges such as 10.1.0.0/16, fd00::/8" });
        return z.NEVER;
      }
    }),
  LATHE_KEEP_RAW_POINTS_DAYS: z.coerce.number().int().min(1).optional(),
  LATHE_SESSION_IDLE_SECONDS: z.coerce.number().int().min(10).default(600),
});

export interface Config {
  databaseUrl: string;
  home: string;
  port: number;
  gatewayPort: number;
  /** Where the controller shows its metrics and health, on loopback. */
  controllerPort: number;
  /** What who scrapes must show; null: the one in `secrets/metrics.token`. */
  metricsToken: string | null;
  rayPort: number;
  url: string;
  gatewayUrl: string;
  gatewayTimeoutSeconds: number;
  gatewayHoldSeconds: number;
  gatewayBodiesBytes: number;
  cluster: "local" | "none";
  logLevel: string;
  modelMaxBytes: number;
  datasetMaxBytes: number;
  uploadKeepHours: number;
  poolMax: number;
  poolIdleSeconds: number;
  sessionIdleSeconds: number;
  webhookAllow: BlockList;
  /** Null: for ever. */
  keepRawPointsDays: number | null;
}

/** @throws Error with one line for each wrong variable */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const parsed = Environment.safeParse(environment);
  if (!parsed.success) {
    const lines = parsed.error.issues.map(({ path, message }) => {
      const name = String(path[0]);
      if (environment[name] === undefined) return `${name} is not set: ${message}.`;
      return `${name} ${SECRETS.has(name) ? "can't be used" : `is "${environment[name]}"`}: ${message}.`;
    });
    throw new Error(lines.join("\n"));
  }
  const e = parsed.data;
  return {
    databaseUrl: e.DATABASE_URL,
    home: resolve(e.LATHE_HOME),
    port: e.LATHE_PORT,
    gatewayPort: e.LATHE_GATEWAY_PORT,
    controllerPort: e.LATHE_CONTROLLER_PORT,
    metricsToken: e.LATHE_METRICS_TOKEN ?? null,
    rayPort: e.LATHE_RAY_PORT,
    url: e.LATHE_URL ?? `http://127.0.0.1:${e.LATHE_PORT}`,
    gatewayUrl: e.LATHE_GATEWAY_URL ?? `http://127.0.0.1:${e.LATHE_GATEWAY_PORT}`,
    gatewayTimeoutSeconds: e.LATHE_GATEWAY_TIMEOUT_SECONDS,
    gatewayHoldSeconds: e.LATHE_GATEWAY_HOLD_SECONDS,
    gatewayBodiesBytes: e.LATHE_GATEWAY_BODIES_MB * 2 ** 20,
    cluster: e.LATHE_CLUSTER,
    logLevel: e.LATHE_LOG_LEVEL,
    modelMaxBytes: e.LATHE_MODEL_MAX_MB * 1_000_000,
    datasetMaxBytes: e.LATHE_DATASET_MAX_MB * 1_000_000,
    uploadKeepHours: e.LATHE_UPLOAD_KEEP_HOURS,
    poolMax: e.LATHE_POOL_MAX,
    poolIdleSeconds: e.LATHE_POOL_IDLE_SECONDS,
    sessionIdleSeconds: e.LATHE_SESSION_IDLE_SECONDS,
    webhookAllow: e.LATHE_WEBHOOK_ALLOW,
    keepRawPointsDays: e.LATHE_KEEP_RAW_POINTS_DAYS ?? null,
  };
}

export const config = (): Config => singleton("config", () => readConfig(process.env));

/** A secret from its file under `LATHE_HOME/secrets`, mode 0600. Never log the answer. */
export function secret(name: "server.key" | "auth.key" | "metrics.token"): string {
  return singleton(`secret:${name}`, () => {
    const path = resolve(config().home, "secrets", name);
    const value = readFileSync(path, "utf8").trim();
    if (value.length < 32)
      throw new Error(`${path} holds ${value.length} characters; delete it and start again.`);
    return value;
  });
}
