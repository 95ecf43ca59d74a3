/** Holds, fails or refuses answers of the console's own API, by the names of its procedures. */
import type { Page } from "@playwright/test";
import { z } from "zod";
import { asAppError } from "../../server/platform/errors";

export interface Refusal {
  message: string;
  remedy?: string;
  /** What of the input is wrong. */
  field?: string;
}
export interface Answers {
  hold?: readonly string[];
  fail?: readonly string[];
  refuse?: Readonly<Record<string, Refusal>>;
}

export const REQUEST_ID = "req_0123456789abcdef";
const EVERYTHING = "*";
const STREAMED = "application/jsonl";
const Batch = z.array(z.unknown());

const isOf = (procedure: string, names: readonly string[] = []): boolean =>
  names.some((name) => name === EVERYTHING || name === procedure || procedure.startsWith(`${name}.`));

/** From now on the page gets these answers; what it has of them already is forgotten by `forget`. */
export async function control(page: Page, { hold, fail, refuse = {} }: Answers): Promise<void> {
  await page.route("**/api/trpc/**", async (route) => {
    const procedures = decodeURIComponent(
      new URL(route.request().url()).pathname.split("/").at(-1) ?? "",
    ).split(",");
    if (procedures.some((one) => isOf(one, hold))) return;
    const said = procedures.map((one) =>
      isOf(one, fail) ? failure(one) : refuse[one] ? refusal(one, refuse[one]) : null,
    );
    if (said.every((one) => one === null)) return route.continue();
    if (route.request().headers()["trpc-accept"] === STREAMED) {
      // Read alone and in lines: one for all, since nothing of it is awaited.
      const lines = JSON.stringify({
        json: Object.fromEntries(said.map((one, i) => [i, [[{ error: one }]]])),
      });
      return route.fulfill({ contentType: STREAMED, body: `${lines}\n` });
    }
    const answered = said.some((one) => one === null)
      ? Batch.parse(await route.fetch().then((response) => response.json()))
      : [];
    const json = said.map((one, i) => (one ? { error: { json: one } } : answered[i]));
    await route.fulfill({ status: 207, json });
  });
}

function failure(path: string) {
  const { message, details } = asAppError(new Error("for a picture"));
  return error(message, { httpStatus: 500, code: "INTERNAL_SERVER_ERROR", path, remedy: details.remedy });
}

function refusal(path: string, { message, remedy, field }: Refusal) {
  const issues = field === undefined ? undefined : [{ path: field.split("."), message }];
  return error(message, { httpStatus: 409, code: "CONFLICT", path, remedy, issues });
}

const error = (message: string, data: object) => ({
  message,
  code: -32_000,
  data: { ...data, requestId: REQUEST_ID },
});

/**
 * What a page was rendered with is taken from it and asked for again, as after a render whose reads failed. As text:
 * what compiles this file adds helpers to functions, which no page has.
 */
export async function forget(page: Page, { hold = [], fail = [] }: Answers): Promise<void> {
  const names = [...hold, ...fail];
  if (names.length > 0) await page.waitForFunction(`(${FORGET})(${JSON.stringify(names)})`);
}

const FORGET = `(names) => {
  const root = Object.keys(document).find((key) => key.startsWith("__reactContainer$"));
  // It is not alive yet.
  if (!root) return false;
  const left = [document[root].stateNode.current];
  let client;
  while (left.length > 0 && !client) {
    const fiber = left.pop();
    if (fiber.memoizedProps?.client?.getQueryCache) client = fiber.memoizedProps.client;
    if (fiber.sibling) left.push(fiber.sibling);
    if (fiber.child) left.push(fiber.child);
  }
  if (!client) return false;
  const predicate = ({ queryKey: [path] }) => {
    const name = Array.isArray(path) ? path.join(".") : "";
    return names.some((one) => one === "*" || name === one || name.startsWith(one + "."));
  };
  for (const query of client.getQueryCache().findAll({ predicate }))
    query.setState({ ...query.state, data: undefined, dataUpdatedAt: 0, error: null, status: "pending", fetchStatus: "idle" });
  void client.refetchQueries({ predicate });
  return true;
}`;
