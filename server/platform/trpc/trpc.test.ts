import { TRPCError } from "@trpc/server";
import { expect, test } from "vitest";
import { AppError, Unavailable } from "../errors";
import type { RequestContext } from "../ladder";
import { createCallerFactory, open, router } from "./trpc";

const answers = router({
  breaks: open.query(async function* () {
    yield "one part";
    throw new Error('insert into "secret" values ($1)');
  }),
  refuses: open.query(async function* () {
    yield "one part";
    throw new Unavailable("The session's process ended.", { code: "session_unreachable" });
  }),
});

async function endOf(parts: AsyncIterable<string>): Promise<{ seen: string[]; error: TRPCError }> {
  const seen: string[] = [];
  try {
    for await (const part of parts) seen.push(part);
  } catch (error) {
    if (error instanceof TRPCError) return { seen, error };
    throw error;
  }
  throw new Error("the answer did not break");
}

const call = () => {
  process.env.LATHE_LOG_LEVEL = "silent";
  return createCallerFactory(answers)({ requestId: "req_1" } as RequestContext);
};

test("an answer in parts that breaks tells no more than any other answer", async () => {
  const { seen, error } = await endOf(await call().breaks());
  expect(seen).toEqual(["one part"]);
  expect(error.message).not.toContain("secret");
  expect((error.cause as AppError).kind).toBe("internal");
});

test("an answer in parts that breaks for a known reason tells it", async () => {
  const { error } = await endOf(await call().refuses());
  expect(error.message).toBe("The session's process ended.");
  expect(error.cause).toBeInstanceOf(AppError);
});

test("who stops reading ends what makes the parts", async () => {
  let ended = false;
  const endless = router({
    read: open.query(async function* () {
      try {
        for (;;) yield "again";
      } finally {
        ended = true;
      }
    }),
  });
  for await (const _ of await createCallerFactory(endless)({ requestId: "req_1" } as RequestContext).read())
    break;
  expect(ended).toBe(true);
});
