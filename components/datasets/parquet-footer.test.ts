import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { footerOf } from "./parquet-footer";

/** Written by pyarrow 26: three rows of a float, an integer, a date and a text; two of an integer, a list, an integer. */
const bytesOf = (name: string) =>
  new Uint8Array(readFileSync(join(import.meta.dirname, "fixtures", `${name}.parquet`)));
const plain = bytesOf("plain");
const lookAt = (bytes: Uint8Array<ArrayBuffer>, name = "parts.parquet") => footerOf(new File([bytes], name));
const changed = (at: number, ...values: number[]) => {
  const bytes = plain.slice();
  bytes.set(values, at < 0 ? bytes.length + at : at);
  return bytes;
};

describe("the footer of a Parquet file", () => {
  it("names its columns in their order", async () => {
    expect(await lookAt(plain)).toEqual({ columns: ["length, cm", "wïdth", "day", "species"] });
  });

  it("is read from the end, however much comes before it", async () => {
    const long = new Uint8Array(plain.length + 700_000);
    long.set(plain.subarray(0, 4));
    long.set(plain.subarray(4), 4 + 700_000);
    expect(await lookAt(long)).toMatchObject({ columns: { length: 4 } });
  });

  it("names a column that is nested", async () => {
    expect(await lookAt(bytesOf("nested"))).toEqual({
      problem:
        "Column 'boxes' of parts.parquet holds several values a row. Write one plain column for each of them.",
    });
  });

  it.each([
    ["a CSV", new TextEncoder().encode("a,b\n1,2\n3,4\n"), "does not start and end as a Parquet file does"],
    ["nothing", new Uint8Array(), "does not start and end"],
    ["magic alone", new TextEncoder().encode("PAR1PAR1"), "does not start and end"],
    ["a file cut short", plain.slice(0, -9), "does not start and end"],
    ["an encrypted one", changed(-4, 0x50, 0x41, 0x52, 0x45), "is encrypted"],
    ["a footer longer than the file", changed(-8, 0xff, 0xff, 0, 0), "declares a footer of 65535"],
    ["a footer that is none", changed(-8, 3, 0, 0, 0), "cannot be read"],
  ])("of %s says what is wrong", async (_, bytes, words) => {
    const found = await lookAt(bytes);
    expect(found).toEqual({ problem: expect.stringContaining(words) });
    expect(JSON.stringify(found)).toContain("parts.parquet");
  });
});
