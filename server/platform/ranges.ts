import { BlockList, isIP } from "node:net";

/** Ranges such as "127.0.0.1/32, fd00::/8" as a list. @throws RangeError for what is no range */
export function parseRanges(text: string): BlockList {
  const made = new BlockList();
  for (const range of text.split(",").map((part) => part.trim())) {
    if (range === "") continue;
    const [net = "", prefix = "", ...rest] = range.split("/");
    const family = isIP(net);
    if (family === 0 || !/^\d{1,3}$/.test(prefix) || rest.length > 0)
      throw new RangeError(`"${range}" is no range of addresses such as 10.1.0.0/16`);
    made.addSubnet(net, Number(prefix), family === 4 ? "ipv4" : "ipv6");
  }
  return made;
}
