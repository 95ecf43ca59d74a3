/** Labels of Prometheus series. */
import type { ServedVersion } from "./table";

const escapeLabel = (text: string) => text.replace(/[\\"\n]/g, (c) => (c === "\n" ? "\\n" : `\\${c}`));

export const labelsOf = ({ teamId, model, environment, version }: ServedVersion): string =>
  `team="${teamId}",model="${escapeLabel(model)}",environment="${environment}",version="${version.number}"`;
