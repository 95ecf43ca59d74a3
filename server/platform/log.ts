import pino, { type Logger } from "pino";
import { singleton } from "./singleton";

/** Structured log lines on standard output; credentials never reach them. */
export const log = (): Logger =>
  singleton("log", () =>
    pino({
      level: process.env.LATHE_LOG_LEVEL ?? "info",
      base: { process: process.env.LATHE_PROCESS ?? "web" },
      redact: ["token", "*.token", "password", "*.password", "headers.authorization", "headers.cookie"],
    }),
  );
