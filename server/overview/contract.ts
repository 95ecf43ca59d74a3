/** What every page's top bar asks for. */
import { z } from "zod";

export const Search = z.object({ query: z.string().trim().min(1).max(100) });
export type FoundKind = "model" | "version" | "run" | "dataset";

/** Something that a search found. */
export interface Found {
  kind: FoundKind;
  id: string;
  /** "garment-cls v3", "run 12". */
  label: string;
  hint: string;
  /** Parts of its address: the name of the model or dataset, the number of the version or run. */
  name: string;
  number: number;
}
