/**
 * The permission matrix: every procedure and every route × every role × own team and another's. It is generated from
 * what is registered, fails on one that declares nothing, and prints how many it checked.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { TRPCError } from "@trpc/server";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { z } from "zod";
import { connect } from "../db/client";
import { membership, team, user } from "../db/schema/identity";
import { findMembership } from "./identity/repo";
import { AppError } from "./platform/errors";
import { newId } from "./platform/ids";
import type { Person, RequestContext } from "./platform/ladder";
import { granted, Permission, Role } from "./platform/permissions";
import { createTestDatabase, type TestDatabase } from "./platform/testing/postgres";
import { createCallerFactory } from "./platform/trpc/trpc";

const OWN = "own-team";
/** For routes whose credential is in the body. */
const FALSE_BODY = JSON.stringify({ token: "a-token-that-was-never-handed-out", name: "nobody" });
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] as const;

let database: TestDatabase;
let connection: ReturnType<typeof connect>;
const people = new Map<string, Person>();
const home = mkdtempSync(join(tmpdir(), "lathe-matrix-"));

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"));
  mkdirSync(join(home, "secrets"), { mode: 0o700 });
  for (const name of ["server.key", "auth.key", "metrics.token"])
    writeFileSync(join(home, "secrets", name), "0".repeat(64), { mode: 0o600 });
  Object.assign(process.env, { DATABASE_URL: database.url, LATHE_HOME: home, LATHE_LOG_LEVEL: "silent" });
  connection = connect(database.url);
  const teams = { own: newId("team"), other: newId("team") };
  await connection.db.insert(team).values([
    { id: teams.own, slug: OWN, name: "Own" },
    { id: teams.other, slug: "other-team", name: "Other" },
  ]);
  const add = async (name: string, teamId: string, roles: Role[]) => {
    const person = { id: newId("usr"), name, email: `${name}@example.com` };
    await connection.db.insert(user).values(person);
    await connection.db.insert(membership).values({ teamId, userId: person.id, roles });
    people.set(name, person);
  };
  for (const role of Role.options) await add(role, teams.own, [role]);
  await add("outsider", teams.other, Role.options.slice());
});

afterAll(async () => {
  const { pool } = await import("./platform/db");
  await pool().end();
  await connection.pool.end();
  await database.drop();
  rmSync(home, { recursive: true, force: true });
});

const contextOf = (person: Person | null): RequestContext => ({
  db: connection.db,
  requestId: newId("req"),
  person,
  membership: async (slug) => (person ? findMembership(connection.db, person.id, slug) : null),
  display: async () => null,
});

/** What refused a call: the ladder's own word for it, or null when the ladder let it pass. */
async function refusal(call: () => Promise<unknown>): Promise<string | null> {
  try {
    const answer = await call();
    // A subscription or a streamed answer starts with its first item.
    if (answer !== null && typeof answer === "object" && Symbol.asyncIterator in answer) {
      const iterator = (answer as AsyncIterable<unknown>)[Symbol.asyncIterator]();
      await iterator.next();
      await iterator.return?.();
    }
    return null;
  } catch (error) {
    if (!(error instanceof TRPCError)) return null;
    const { cause } = error;
    if (error.code === "UNAUTHORIZED") return "signed_out";
    if (cause instanceof AppError && cause.code === "missing_permission") return "missing_permission";
    if (cause instanceof AppError && cause.kind === "not_found" && /There is no team/.test(cause.message))
      return "not_a_member";
    return null;
  }
}

const Meta = z.object({ meta: z.object({ access: z.string() }).optional() });
/** A procedure is a function that carries its definition. */
const accessOf = (procedure: unknown): string | undefined =>
  typeof procedure === "function" && "_def" in procedure
    ? Meta.parse(procedure._def).meta?.access
    : undefined;

describe("every procedure", () => {
  test("authorises each role, strangers and nobody as it declares", async () => {
    const { appRouter } = await import("./router");
    // At run time this record is flat, by path; its type nests.
    const procedures: [string, unknown][] = Object.entries(appRouter._def.procedures);
    const call = createCallerFactory(appRouter);
    const wrong: string[] = [];
    let checked = 0;
    const expectRefusal = async (path: string, who: string, expected: string | null) => {
      const caller: unknown = call(contextOf(people.get(who) ?? null));
      const procedure = path
        .split(".")
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], caller);
      const got = await refusal(() => (procedure as (input: unknown) => Promise<unknown>)({ team: OWN }));
      checked += 1;
      if (got !== expected)
        wrong.push(`${path} as ${who}: expected ${expected ?? "no refusal"}, got ${got ?? "no refusal"}`);
    };
    for (const [path, procedure] of procedures) {
      const access = accessOf(procedure);
      if (!access) {
        wrong.push(`${path} declares no permission`);
        continue;
      }
      await expectRefusal(path, "nobody", access === "public" ? null : "signed_out");
      const permission = Permission.safeParse(access);
      if (!permission.success) continue;
      await expectRefusal(path, "outsider", "not_a_member");
      for (const role of Role.options) {
        await expectRefusal(path, role, granted([role], permission.data) ? null : "missing_permission");
      }
    }
    console.log(`permission matrix: ${procedures.length} procedures, ${checked} cells checked`);
    expect(wrong).toEqual([]);
    expect(procedures.length).toBeGreaterThan(0);
    expect(checked).toBeGreaterThan(procedures.length);
  });
});

/** Files of `app/api` that answer requests. */
const routeFiles = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? routeFiles(join(folder, entry.name))
      : entry.name === "route.ts"
        ? [join(folder, entry.name)]
        : [],
  );

interface Declared {
  (request: Request, context: { params: Promise<Record<string, unknown>> }): Promise<Response>;
  access: string;
}
const isDeclared = (handler: unknown): handler is Declared =>
  typeof handler === "function" && "access" in handler;

/** Parameters of a route's own path: the own team where it names one, something unknown elsewhere. */
const parametersOf = (file: string): Record<string, unknown> =>
  Object.fromEntries(
    [...file.matchAll(/\[+(\.\.\.)?(\w+)\]+/g)].map(([, rest, name = ""]) => {
      const value = name === "team" ? OWN : "unknown";
      return [name, rest ? [value] : value];
    }),
  );

describe("every route", () => {
  test("declares who may call it, and refuses nobody and false tokens", async () => {
    const files = routeFiles(resolve("app/api"));
    const wrong: string[] = [];
    let handlers = 0;
    let checked = 0;
    for (const file of files) {
      const module: Record<string, unknown> = await import(file);
      for (const method of METHODS) {
        const handler = module[method];
        if (handler === undefined) continue;
        handlers += 1;
        const name = `${method} ${file.slice(resolve("app").length, -"/route.ts".length)}`;
        if (!isDeclared(handler)) {
          wrong.push(`${name} declares no access`);
          continue;
        }
        if (handler.access === "public") continue;
        for (const authorization of [
          null,
          "Bearer attempt.att_0000000000000000.forged",
          "Bearer lathe_unknown",
        ]) {
          const request = new Request(
            `http://127.0.0.1:7400${file.slice(resolve("app").length, -"/route.ts".length)}`,
            {
              method,
              headers: { "content-type": "application/json", ...(authorization && { authorization }) },
              ...(method !== "GET" && method !== "HEAD" && { body: FALSE_BODY }),
            },
          );
          const response = await handler(request, { params: Promise.resolve(parametersOf(file)) });
          checked += 1;
          if (response.status !== 401)
            wrong.push(`${name} with ${authorization ?? "no token"} answered ${response.status}`);
        }
      }
    }
    console.log(`permission matrix: ${handlers} route handlers, ${checked} cells checked`);
    expect(wrong).toEqual([]);
    expect(handlers).toBeGreaterThan(0);
    expect(checked).toBeGreaterThan(0);
  });

  test("one without a declaration is noticed", () => {
    const undeclared = async () => new Response();
    expect(isDeclared(undeclared)).toBe(false);
  });
});
