/**
 * Where a webhook may go. Names are resolved once and the connection uses that very address, so that a name which
 * answers differently the second time leads nowhere else. Only addresses of the public internet pass, and those that
 * the operator allows.
 */
import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { Invalid } from "../platform/errors";

export interface Address {
  address: string;
  family: 4 | 6;
}

const list = (kind: "ipv4" | "ipv6", ranges: readonly string[]): BlockList => {
  const made = new BlockList();
  for (const range of ranges) {
    const [net = "", prefix] = range.split("/");
    made.addSubnet(net, Number(prefix), kind);
  }
  return made;
};
/** https://www.iana.org/assignments/iana-ipv4-special-registry, and multicast. */
const SPECIAL_4 = list("ipv4", [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
]);
/** Of IPv6 only what is handed out as global unicast, without the parts that carry other networks inside. */
const GLOBAL_6 = list("ipv6", ["2000::/3"]);
const SPECIAL_6 = list("ipv6", ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"]);

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** Whether this is an address of the public internet. */
export function isPublic(address: string): boolean {
  const inner = MAPPED.exec(address)?.[1] ?? address;
  const family = isIP(inner);
  if (family === 4) return !SPECIAL_4.check(inner, "ipv4");
  return family === 6 && GLOBAL_6.check(inner, "ipv6") && !SPECIAL_6.check(inner, "ipv6");
}

const isAllowed = (allowed: BlockList, { address, family }: Address): boolean =>
  allowed.check(address, family === 4 ? "ipv4" : "ipv6");

/**
 * The address to connect to.
 *
 * @throws Invalid for a name that leads into a private network in any of its addresses, or nowhere; and for plain HTTP
 *   anywhere but where the operator allows it
 */
export async function resolveTarget(target: string, allowed: BlockList): Promise<{ url: URL; at: Address }> {
  const refuse = (message: string, remedy: string) =>
    new Invalid(message, { field: "url", code: "webhook_refused", remedy });
  const url = new URL(target);
  if (url.protocol !== "https:" && url.protocol !== "http:")
    throw refuse("A webhook goes to an https address.", "Enter one such as https://example.com/hooks.");
  if (url.username || url.password)
    throw refuse("The address carries a name or password.", "Leave it out; what is sent is signed instead.");
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const found = await addressesOf(host);
  const [at] = found;
  if (!at) throw refuse(`${host} leads to no address.`, "Check the name.");
  const wrong = found.find((one) => !isPublic(one.address) && !isAllowed(allowed, one));
  if (wrong) {
    throw refuse(
      `${host} leads to ${wrong.address}, which is not on the public internet.`,
      "Whoever runs this console can allow it with LATHE_WEBHOOK_ALLOW.",
    );
  }
  if (url.protocol === "http:" && !found.every((one) => isAllowed(allowed, one)))
    throw refuse("A webhook goes to an https address.", "Plain HTTP would show it to everybody on the way.");
  return { url, at };
}

async function addressesOf(host: string): Promise<Address[]> {
  const family = isIP(host);
  if (family !== 0) return [{ address: host, family: family === 4 ? 4 : 6 }];
  const answers = await lookup(host, { all: true }).catch(() => []);
  return answers.map(({ address, family: of }) => ({ address, family: of === 6 ? 6 : 4 }));
}
