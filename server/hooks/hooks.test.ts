import { createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readConfig } from "../platform/config";
import { parseRanges } from "../platform/ranges";
import { seal, unseal } from "../platform/seal";
import { isPublic, resolveTarget } from "./address";
import { eventOf, retrySeconds } from "./deliver";
import { newSecret, signedHeaders } from "./sign";

const KEY = "k".repeat(64);

test("a message is signed as Standard Webhooks has it", () => {
  const secret = newSecret();
  const headers = signedHeaders(secret, "msg_1", 1_700_000_000, '{"a":1}');
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  expect(key).toHaveLength(24);
  const expected = createHmac("sha256", key).update('msg_1.1700000000.{"a":1}').digest("base64");
  expect(headers["webhook-signature"]).toBe(`v1,${expected}`);
  // The example of the specification's own test vectors.
  const known = signedHeaders(
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "msg_p5jXN8AQM9LWM0D4loKWxJek",
    1614265330,
    '{"test": 2432232314}',
  );
  expect(known["webhook-signature"]).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
});

test("a sealed secret opens for its owner and purpose only, and not after any change", () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(), (text, at) => {
      const sealed = seal(text, "webhook", "whk_1", KEY);
      expect(unseal(sealed, "webhook", "whk_1", KEY)).toBe(text);
      const bytes = Buffer.from(sealed, "base64url");
      const where = at % bytes.length;
      bytes.writeUInt8(bytes.readUInt8(where) ^ 1, where);
      expect(() => unseal(bytes.toString("base64url"), "webhook", "whk_1", KEY)).toThrow();
      for (const [purpose, owner, key] of [
        ["token", "whk_1", KEY],
        ["webhook", "whk_2", KEY],
        ["webhook", "whk_1", "j".repeat(64)],
      ] as const)
        expect(() => unseal(sealed, purpose, owner, key)).toThrow();
    }),
    { numRuns: 20 },
  );
});

test.each([
  "127.0.0.1",
  "10.1.2.3",
  "172.31.255.255",
  "192.168.0.1",
  "169.254.169.254",
  "100.64.0.1",
  "0.0.0.0",
  "224.0.0.1",
  "255.255.255.255",
  "::1",
  "::",
  "::ffff:127.0.0.1",
  "::ffff:7f00:1",
  "64:ff9b::7f00:1",
  "2002:7f00:1::",
  "fe80::1",
  "fd00:ec2::254",
  "ff02::1",
  "2001:db8::1",
])("%s is no place of the public internet", (address) => {
  expect(isPublic(address)).toBe(false);
});
test.each(["1.1.1.1", "93.184.216.34", "172.32.0.1", "2606:4700:4700::1111"])("%s is", (address) => {
  expect(isPublic(address)).toBe(true);
});

const none = parseRanges("");
test.each([
  ["https://127.0.0.1/x", /127\.0\.0\.1, which is not on the public internet/],
  ["https://[::1]/x", /::1, which is not/],
  // Other spellings of the same address.
  ["https://2130706433/x", /127\.0\.0\.1, which is not/],
  ["https://0x7f.1/x", /127\.0\.0\.1, which is not/],
  ["https://localhost/x", /which is not on the public internet/],
  ["http://1.1.1.1/x", /https address/],
  ["ftp://1.1.1.1/x", /https address/],
  ["https://me:secret@1.1.1.1/x", /name or password/],
  ["https://nowhere.invalid/x", /leads to no address/],
])("%s is refused", async (url, words) => {
  await expect(resolveTarget(url, none)).rejects.toThrow(words);
});

test("what the operator allows is allowed, and nothing beside it", async () => {
  const allowed = parseRanges("127.0.0.1/32, fd00::/8");
  expect((await resolveTarget("http://127.0.0.1:9/x", allowed)).at).toEqual({
    address: "127.0.0.1",
    family: 4,
  });
  await expect(resolveTarget("http://127.0.0.2/x", allowed)).rejects.toThrow(/not on the public/);
  for (const wrong of ["127.0.0.1", "10.0.0.0/99", "my-host/8"]) {
    expect(() => readConfig({ DATABASE_URL: "postgres://x", LATHE_WEBHOOK_ALLOW: wrong })).toThrow(
      `LATHE_WEBHOOK_ALLOW is "${wrong}": list ranges such as 10.1.0.0/16, fd00::/8.`,
    );
  }
});

test("tries come further and further apart, and at least every four hours", () => {
  expect([1, 2, 3, 4, 7, 8, 20].map(retrySeconds)).toEqual([5, 20, 80, 320, 14_400, 14_400, 14_400]);
});

test.each([
  [{ action: "promotion.opened", after: null }, "request.opened"],
  [{ action: "promotion.approved", after: { state: "open" } }, null],
  [{ action: "promotion.approved", after: { state: "approved" } }, "request.decided"],
  [{ action: "promotion.glass_broken", after: null }, "request.decided"],
  [{ action: "release.rolled_back", after: null }, "release.changed"],
  [{ action: "rollout.advanced", after: null }, "release.changed"],
  [{ action: "alarm.fired", after: null }, "alarm.fired"],
  [{ action: "replicas.given_up", after: null }, "alarm.fired"],
  [{ action: "webhook.created", after: null }, null],
])("%o is told as %s", (entry, event) => {
  expect(eventOf(entry)).toBe(event);
});
