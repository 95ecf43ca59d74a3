/** What events made stale is read again: together, not while nobody looks, and never so often that no answer arrives. */
import type { Query, QueryClient } from "@tanstack/react-query";
import { isRead } from "./topics";

/** Events of one moment become one round of reading. */
const FLUSH_MS = 100;
/** So long an answer that is on its way is waited for; one that takes longer may be lost. */
const PATIENCE_MS = 5_000;

export class Stale {
  private reads = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | null = null;
  private readonly waiting = new Set<Query>();

  constructor(
    private readonly client: QueryClient,
    private readonly isHidden: () => boolean,
  ) {}

  /** @param reads the beginnings of the paths of queries */
  mark(reads: Iterable<string>): void {
    for (const read of reads) this.reads.add(read);
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.flush();
    }, FLUSH_MS);
  }

  /** The page may be seen again: what was put off is due. */
  shown(): void {
    if (this.timer === null) this.flush();
  }

  private flush(): void {
    if (this.isHidden() || this.reads.size === 0) return;
    const { reads } = this;
    this.reads = new Set();
    const queries = this.client.getQueryCache().findAll({
      predicate: ({ queryKey: [path] }) => Array.isArray(path) && isRead(path, reads),
    });
    for (const query of queries) void this.readAgain(query);
  }

  /** What is on its way was asked for before the event: it may arrive, and then it is asked for again. */
  private async readAgain(query: Query): Promise<void> {
    if (this.waiting.has(query)) return;
    if (query.state.fetchStatus === "fetching") {
      this.waiting.add(query);
      await Promise.race([query.fetch().catch(() => undefined), after(PATIENCE_MS)]);
      this.waiting.delete(query);
    }
    query.invalidate();
    if (!query.isActive() || query.isDisabled() || query.isStatic()) return;
    void query.cancel({ silent: true });
    await query.fetch().catch(() => undefined); // Its screen tells.
  }
}

const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
