/** Shapes that every slice shares. */
import { z } from "zod";

/** Digest of a blob: 64 lower-case hexadecimal digits. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 lower-case hexadecimal digits");
export type Sha256 = z.infer<typeof Sha256>;

/** `<prefix>_<16 lower-case base-32 characters>`, made by `newId`. */
export const Id = z
  .string()
  .regex(/^[a-z]{2,6}_[0-9a-hjkmnp-tv-z]{16}$/, "expected an id such as run_4k2j9x0c7m1p5q8w");
export type Id = z.infer<typeof Id>;

/** A fraction between 0 and 1. */
export const Fraction = z.number().min(0).max(1);

/** Bytes, samples, steps: a whole number that is never negative. */
export const Count = z.number().int().nonnegative();

/** Names people type: models, datasets, teams. They appear in URLs and in API paths. */
export const Slug = z
  .string()
  .min(2, "use at least 2 characters")
  .max(64, "use at most 64 characters")
  .regex(
    /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/,
    "use lower-case letters, digits and hyphens, such as garment-cls",
  );

/** One line of a live checklist (inspections of models and datasets). */
export const ChecklistItem = z.object({
  id: z.string(),
  state: z.enum(["pending", "running", "ok", "failed", "warning"]),
  /** Workers may send null for what they leave out. */
  detail: z.string().nullish(),
});
export type ChecklistItem = z.infer<typeof ChecklistItem>;

/** Why something was refused: which rule, what was found, where, and how to mend it. */
export const Refusal = z.object({
  rule: z.string(),
  message: z.string(),
  where: z.string().nullish(),
  remedy: z.string(),
});
export type Refusal = z.infer<typeof Refusal>;
