/** Follows the route tables: woken by NOTIFY, with a poll of 1 s behind it, from the last good file at the start. */
import { Client, type Pool } from "pg";
import { log } from "../platform/log";
import { RevisedTable, ROUTES_CHANNEL } from "./contract";
import { loadJson, saveJson } from "./files";
import { readTable, reportApplied } from "./repo";

const POLL_MS = 1000;

interface Options {
  pool: Pool;
  databaseUrl: string;
  file: string;
  gatewayId: string;
  /** The database's clock. */
  now(): number;
  apply(table: RevisedTable): void;
}

export class RouteFeed {
  private revision = -1;
  private client: Client | undefined;
  private timer: NodeJS.Timeout | undefined;
  private reading: Promise<void> | undefined;
  private isStale = false;
  private isStopped = false;
  /** When the database last told the table in force; `performance.now()`. */
  private confirmedAt: number | null = null;
  /** Applied, but not told to the database yet. */
  private unreported: { revision: number; appliedAtMs: number }[] = [];

  constructor(private readonly options: Options) {}

  async start(): Promise<void> {
    const saved = await loadJson(this.options.file, RevisedTable);
    if (saved) {
      this.options.apply(saved);
      this.revision = saved.revision;
    }
    this.timer = setInterval(() => void this.read(), POLL_MS);
    void this.listen();
    await this.read();
  }

  /** Seconds since the database last told the table in force; null while it never did. */
  age(): number | null {
    return this.confirmedAt === null ? null : (performance.now() - this.confirmedAt) / 1000;
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    clearInterval(this.timer);
    const client = this.client;
    this.client = undefined;
    await client?.end().catch(() => {});
    await this.reading;
  }

  private async listen(): Promise<void> {
    if (this.isStopped) return;
    const client = new Client({ connectionString: this.options.databaseUrl, connectionTimeoutMillis: 2000 });
    this.client = client;
    const again = () => {
      if (this.client !== client) return;
      this.client = undefined;
      client.end().catch(() => {});
      setTimeout(() => void this.listen(), POLL_MS).unref();
    };
    client.on("error", again);
    client.on("end", again);
    client.on("notification", () => void this.read());
    try {
      await client.connect();
      await client.query(`listen ${ROUTES_CHANNEL}`);
      await this.read();
    } catch {
      again();
    }
  }

  /** Reads until nothing is newer; a wake-up during a read leads to one more. */
  private read(): Promise<void> {
    this.isStale = true;
    this.reading ??= this.drain().finally(() => {
      this.reading = undefined;
    });
    return this.reading;
  }

  private async drain(): Promise<void> {
    while (this.isStale) {
      this.isStale = false;
      try {
        const table = await readTable(this.options.pool, this.revision);
        if (table) await this.take(table);
        this.confirmedAt = performance.now();
        await this.report();
      } catch (error) {
        log().warn({ error }, "the route table could not be read; the last good one stays in force");
      }
    }
  }

  private async take(table: RevisedTable): Promise<void> {
    this.options.apply(table);
    const appliedAtMs = Math.round(this.options.now());
    this.revision = table.revision;
    this.unreported.push({ revision: table.revision, appliedAtMs });
    log().info({ revision: table.revision, routes: table.routes.length }, "a route table is in force");
    await this.report();
    await saveJson(this.options.file, table);
  }

  private async report(): Promise<void> {
    for (let next = this.unreported[0]; next; next = this.unreported[0]) {
      await reportApplied(this.options.pool, { gatewayId: this.options.gatewayId, ...next });
      this.unreported.shift();
    }
  }
}
