/** The footer of a Parquet file, read in the browser to offer its columns; the check reads the file itself. */

const MAGIC = "PAR1";
const ENCRYPTED = "PARE";
/** The largest footer that the check reads, bytes. */
const MAX_FOOTER_BYTES = 16 * 1024 * 1024;
/** Length of the metadata and magic. */
const END_BYTES = 8;

export type Footer = { columns: string[] } | { problem: string };

/** The names of a file's columns, or what is wrong with it and how to mend it. */
export async function footerOf(file: Blob & { name: string }): Promise<Footer> {
  const { name, size } = file;
  const textOf = (bytes: Blob) => bytes.text();
  const [start, end] = [await textOf(file.slice(0, 4)), await textOf(file.slice(-4))];
  if (start === ENCRYPTED || end === ENCRYPTED)
    return { problem: `${name} is encrypted. Write it without encryption.` };
  if (size < MAGIC.length + END_BYTES || start !== MAGIC || end !== MAGIC) {
    return {
      problem: `${name} does not start and end as a Parquet file does. Choose the whole file, or name it as what it is (.csv, .npz, .zip).`,
    };
  }
  const length = new DataView(await file.slice(-END_BYTES).arrayBuffer()).getUint32(0, true);
  if (length > Math.min(size - MAGIC.length - END_BYTES, MAX_FOOTER_BYTES)) {
    return { problem: `${name} of ${size} bytes declares a footer of ${length}. Write the file again.` };
  }
  const { parquetMetadata } = await import("hyparquet");
  try {
    const footer = await file.slice(-END_BYTES - length).arrayBuffer();
    return columnsOf(parquetMetadata(footer, { geoparquet: false }).schema, name);
  } catch {
    return { problem: `The footer of ${name} cannot be read. Write the file again.` };
  }
}

/** The first element is the root; each is followed by its children. */
function columnsOf(schema: readonly { name: string; num_children?: number }[], name: string): Footer {
  const columns = schema.slice(1);
  const nested = columns.find((column) => column.num_children);
  if (nested) {
    return {
      problem: `Column '${nested.name}' of ${name} holds several values a row. Write one plain column for each of them.`,
    };
  }
  return { columns: columns.map((column) => column.name) };
}
