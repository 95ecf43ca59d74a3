/**
 * A share of the requests goes to a shadow as well: after its answer is out, so nobody waits for it, and at most
 * `LIMIT` at a time, so a slow shadow costs bounded memory. What it says is compared and counted, never answered.
 */
import { type Agent, type IncomingMessage, type ServerResponse, request as send } from "node:http";
import { agrees } from "./compare";
import type { Meter } from "./meter";
import { leastBusy, type Target } from "./table";

/** Requests held for a shadow or under way to it; each holds a body and an answer of at most 1 MiB. */
export const LIMIT = 32;
const ANSWER_BYTES = 1 << 20;
const ANSWER_MS = 10_000;

/** What a forwarded request tells while it goes its way. */
export interface Watcher {
  /** The whole body, before it is sent, and the headers that say how to read it. */
  body(held: Buffer, headers: Readonly<Record<string, string>>): void;
  /** The replica's answer begins. */
  answer(answer: IncomingMessage): void;
}

interface Taken {
  body: Buffer;
  headers: Readonly<Record<string, string>>;
  sentAt: number;
}
interface Answer {
  status: number;
  isJson: boolean;
  /** Null when it was larger than what is held. */
  body: Buffer | null;
}

export class Mirror {
  private underWay = 0;

  constructor(
    private readonly agent: Agent,
    private readonly meter: Meter,
    private readonly now: () => number,
  ) {}

  /** Watches one request; `response` is the client's. */
  watch(response: ServerResponse, reference: Target, shadow: Target): Watcher {
    let taken: Taken | null = null;
    let answered: Promise<Answer> | null = null;
    let referenceUs = 0;
    response.on("close", () => {
      if (!taken) return;
      const { body, headers } = taken;
      const done = () => {
        this.underWay -= 1;
      };
      // A client that left has no answer to compare with.
      if (!response.writableFinished || !answered) return done();
      void answered
        .then((answer) => this.compare(reference, shadow, { body, headers, answer, referenceUs }))
        .catch(() => {})
        .finally(done);
    });
    return {
      body: (held, headers) => {
        if (this.underWay >= LIMIT) {
          this.meter.shadow.count(shadow.route, reference.route, "dropped", this.now());
          return;
        }
        this.underWay += 1;
        taken = { body: held, headers, sentAt: performance.now() };
      },
      answer: (incoming) => {
        if (!taken) return;
        const { sentAt } = taken;
        incoming.on("end", () => {
          referenceUs = (performance.now() - sentAt) * 1000;
        });
        answered = read(incoming);
        answered.catch(() => {});
      },
    };
  }

  private async compare(
    reference: Target,
    shadow: Target,
    asked: Omit<Taken, "sentAt"> & { answer: Answer; referenceUs: number },
  ): Promise<void> {
    // An answer of 4xx or 5xx says nothing of the version.
    if (asked.answer.status !== 200) return;
    const began = performance.now();
    const said = await this.ask(shadow, asked).catch(() => null);
    const us = { shadow: (performance.now() - began) * 1000, reference: asked.referenceUs };
    const now = this.now();
    const count = this.meter.shadow;
    if (said?.status !== 200) return count.count(shadow.route, reference.route, "differed", now);
    const [own, other] = [jsonOf(said), jsonOf(asked.answer)];
    const verdict = own && other ? agrees(own, other) : null;
    const result = verdict === null ? "not_compared" : verdict ? "agreed" : "differed";
    count.count(shadow.route, reference.route, result, now, us);
  }

  private ask(shadow: Target, { body, headers }: Omit<Taken, "sentAt">): Promise<Answer> {
    const upstream = leastBusy(shadow.upstreams, new Set());
    if (!upstream) return Promise.reject(new Error("the shadow has no replica"));
    upstream.outstanding += 1;
    const asked = new Promise<Answer>((resolve, reject) => {
      const out = send({
        agent: this.agent,
        hostname: upstream.hostname,
        port: upstream.port,
        path: "/infer",
        method: "POST",
        headers: { ...headers, authorization: upstream.authorization, "content-length": body.length },
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      out.on("error", reject);
      out.on("response", (answer) => read(answer).then(resolve, reject));
      out.end(body);
    });
    return asked.finally(() => {
      upstream.outstanding -= 1;
    });
  }
}

const jsonOf = ({ isJson, body }: Answer): Buffer | null => (isJson ? body : null);

/** Reads an answer whole, or lets go of what is beyond the limit. */
function read(answer: IncomingMessage): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let parts: Buffer[] | null = [];
    let bytes = 0;
    answer.on("data", (part: Buffer) => {
      bytes += part.length;
      if (bytes > ANSWER_BYTES) parts = null;
      parts?.push(part);
    });
    answer.on("error", reject);
    answer.on("close", () => reject(new Error("the answer broke off")));
    answer.on("end", () =>
      resolve({
        status: answer.statusCode ?? 502,
        isJson:
          /^application\/json\b/.test(answer.headers["content-type"] ?? "") &&
          answer.headers["content-encoding"] === undefined,
        body: parts && Buffer.concat(parts),
      }),
    );
  });
}
