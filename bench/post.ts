/** One request to a gateway or a replica. */
import { type Agent, request } from "node:http";

/** @returns how long the answer took, ms. @throws when it is not 200 */
export function post(
  agent: Agent,
  { url, token }: { url: string; token: string },
  body: string,
): Promise<number> {
  return new Promise((done, fail) => {
    const began = performance.now();
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    };
    const sent = request(url, { method: "POST", agent, headers }, (response) => {
      response.resume();
      response.once("end", () =>
        response.statusCode === 200
          ? done(performance.now() - began)
          : fail(new Error(`${url} answered ${response.statusCode}`)),
      );
    });
    sent.once("error", fail);
    sent.end(body);
  });
}
