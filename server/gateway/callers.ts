/** Who may ask: digests of the API tokens with the inference scope, read whole every few seconds. */
import type { Pool } from "pg";
import { z } from "zod";
import { log } from "../platform/log";
import { hashToken } from "../platform/tokens";
import { readConsoleToken } from "./console-token";
import { INFERENCE_SCOPE } from "./contract";
import { loadJson, saveJson } from "./files";

/** How long a revoked token may still be taken; the promise is 30 s. */
const REFRESH_MS = 5_000;
/** A stranger's token asks the database at most this often, whoever sends how many. */
const LOOKUP_MS = 500;

const Callers = z.array(
  z.object({
    hash: z.string(),
    teamId: z.string(),
    expiresAt: z.number().nullable(),
    ratePerSecond: z.number().nullable().default(null),
  }),
);
type Callers = z.infer<typeof Callers>;

/** Who asks: the team that a bearer speaks for, and how often it may. */
export interface Caller {
  hash: string;
  teamId: string;
  /** Null: as often as it likes. */
  ratePerSecond: number | null;
}

interface Options {
  pool: Pool;
  /** Where the digests are kept for a start with the database down. */
  file: string;
  serverKey: string;
  /** The database's clock. */
  now(): number;
}

export class CallerDirectory {
  private byHash = new Map<string, Callers[number]>();
  private readAt = Number.NEGATIVE_INFINITY;
  private reading: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private saved = "";

  constructor(private readonly options: Options) {}

  async start(): Promise<void> {
    const kept = await loadJson(this.options.file, Callers);
    if (kept) this.take(kept);
    await this.refresh();
    this.timer = setInterval(() => void this.refresh(), REFRESH_MS);
  }
  stop(): void {
    clearInterval(this.timer);
  }

  /** Whom a bearer speaks for: at once where the token is known, else after a look into the database. */
  callerOf(token: string): Caller | null | Promise<Caller | null> {
    const ours = readConsoleToken(token, this.options.serverKey, this.options.now());
    if (ours) return { hash: "", teamId: ours, ratePerSecond: null };
    const hash = hashToken(token);
    const known = this.valid(hash);
    if (known || performance.now() - this.readAt < LOOKUP_MS) return known;
    return this.refresh().then(() => this.valid(hash));
  }

  private valid(hash: string): Caller | null {
    const caller = this.byHash.get(hash);
    return caller && (caller.expiresAt === null || caller.expiresAt > this.options.now()) ? caller : null;
  }

  private take(callers: Callers): void {
    this.byHash = new Map(callers.map((caller) => [caller.hash, caller]));
  }

  private refresh(): Promise<void> {
    this.reading ??= this.read().finally(() => {
      this.reading = undefined;
    });
    return this.reading;
  }

  private async read(): Promise<void> {
    this.readAt = performance.now();
    try {
      const { rows } = await this.options.pool.query<{
        hash: string;
        teamId: string;
        expiresAt: Date | null;
        ratePerSecond: number | null;
      }>(
        `select token_hash as hash, team_id as "teamId", expires_at as "expiresAt",
           rate_per_second as "ratePerSecond" from api_token
         where revoked_at is null and (expires_at is null or expires_at > now()) and $1 = any(scopes)
         order by token_hash`,
        [INFERENCE_SCOPE],
      );
      const callers = rows.map((row) => ({ ...row, expiresAt: row.expiresAt?.getTime() ?? null }));
      this.take(callers);
      const text = JSON.stringify(callers);
      if (text !== this.saved) {
        await saveJson(this.options.file, callers);
        this.saved = text;
      }
    } catch (error) {
      log().warn({ error }, "the tokens could not be read; those known before stay valid");
    }
  }
}
