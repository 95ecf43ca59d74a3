/** Labels of Prometheus series. */
import type { ServedVersion } from "./table";

const escapeLabel = (text: string) => text.replace(/[\\"\n]/g, (c) => (c === "\n" ? "\\n" : `\\${c}`));

export const labelsOf = ({ teamId, model, version }: ServedVersion): string =>
  `team="${teamId}",model="${escapeLabel(model)}",version="${version.number}"`;
