import { type DatasetFileRole, formatOfName } from "@/server/datasets/contract";

/** What a dropped file holds, from its name; a person may change it. */
export type Role = (typeof DatasetFileRole.options)[number];

/** Fashion and digit sets name their files so: train-images-idx3-ubyte, t10k-labels-idx1-ubyte. */
const TEST = /(^|[^a-z])(test|t10k|val|eval)([^a-z]|$)/i;
const LABELS = /(label|target|^y[^a-z]|[^a-z]y[^a-z]|idx1)/i;

export function guessRole(filename: string): Role {
  const part = TEST.test(filename) ? "_test" : "";
  const format = formatOfName(filename);
  if (format === "csv" || format === "parquet") return `data${part}`;
  if (format) return "data";
  return `${LABELS.test(filename) ? "y" : "x"}${part}`;
}

/** The roles of files dropped together: a file alone holds samples and labels, whatever its name says of a test. */
export function guessRoles(filenames: readonly string[]): Role[] {
  const roles = filenames.map(guessRole);
  return roles.length === 1 && roles[0] === "data_test" ? ["data"] : roles;
}

/** Whether the test part comes in files of its own. */
export const splitOf = (roles: readonly Role[]): "files" | "seeded" =>
  roles.some((role) => role.endsWith("_test")) ? "files" : "seeded";
