import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { restartDelay } from "./children";
import { type Postgres, type PostgresOptions, startPostgres } from "./postgres";

/** A Postgres that is started again whenever it ends by itself. */
export class SupervisedPostgres {
  #isWanted = true;

  private constructor(
    private readonly options: PostgresOptions,
    private current: Postgres,
    private readonly onState: (text: string) => void,
  ) {
    void this.#keep();
  }

  static async start(options: PostgresOptions, onState: (text: string) => void): Promise<SupervisedPostgres> {
    return new SupervisedPostgres(options, await startPostgres(options), onState);
  }

  get url(): string {
    return this.current.url();
  }

  async #keep(): Promise<void> {
    let failures = 0;
    for (;;) {
      await this.current.ended;
      if (!this.#isWanted) return;
      this.onState(`ended; starting again (log: ${this.options.log})`);
      for (;;) {
        try {
          this.current = await startPostgres(this.options);
          failures = 0;
          break;
        } catch (error) {
          this.onState(String(error));
          await delay(restartDelay(++failures));
          if (!this.#isWanted) return;
        }
      }
      this.onState("is back");
      if (!this.#isWanted) await this.current.stop();
    }
  }

  async stop(): Promise<void> {
    this.#isWanted = false;
    await this.current.stop();
  }
}

/**
 * Whether a database lets us in.
 * @returns null, or the cause in words that hold no password
 */
export async function whyUnreachable(url: string): Promise<string | null> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  try {
    await client.connect();
    await client.query("select 1");
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await client.end().catch(() => {}); // It may never have been connected.
  }
}
