/** What a dropped file holds, from its name; a person may change it. */
export type Role = "data" | "x" | "y" | "x_test" | "y_test";

/** Fashion and digit sets name their files so: train-images-idx3-ubyte, t10k-labels-idx1-ubyte. */
const TEST = /(^|[^a-z])(test|t10k|val|eval)([^a-z]|$)/i;
const LABELS = /(label|target|^y[^a-z]|[^a-z]y[^a-z]|idx1)/i;

export function guessRole(filename: string): Role {
  if (/\.npz$/i.test(filename)) return "data";
  const part = TEST.test(filename) ? "_test" : "";
  return `${LABELS.test(filename) ? "y" : "x"}${part}`;
}

/** Whether the test part comes in files of its own. */
export const splitOf = (roles: readonly Role[]): "files" | "seeded" =>
  roles.some((role) => role.endsWith("_test")) ? "files" : "seeded";
