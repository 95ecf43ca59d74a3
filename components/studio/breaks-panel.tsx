"use client";
import { count } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import type { DatasetTask } from "@/server/datasets/contract";
import { TASKS } from "@/server/datasets/contract";
import { inWords, type Settings, type Unit } from "@/server/studio/contract";
import type { Measured } from "@/server/studio/session-contract";
import { ChangedSamples } from "./changed-samples";
import { MovedSamples } from "./moved-samples";

interface Props {
  settings: Settings;
  team: string;
  sessionId: string | null;
  accuracy: Measured["accuracy"] | undefined;
  changed: Measured["changed"];
  task: DatasetTask;
  units: readonly Unit[];
  /** Of a sample. */
  shape: readonly number[];
  labels: readonly string[];
  from: string;
}

/** What the exact McNemar test says of so uneven a split of the answers that differ. */
const chance = (p: number): string =>
  p < 0.001 ? "not chance (McNemar p < 0.001)" : `McNemar p = ${p.toFixed(p < 0.1 ? 3 : 2)}`;

/**
 * Class by class, or label by label: answers that were right in the version and are wrong now, and the other way; then
 * the samples that changed.
 */
export function BreaksPanel(props: Props) {
  const { settings, accuracy, changed, task, units, labels, from } = props;
  if (!accuracy) {
    return (
      <Panel title="What breaks" padded>
        <p className="t2">Nothing is measured for this setting yet.</p>
      </Panel>
    );
  }
  const { gained, lost, n, mcnemarP } = accuracy.paired;
  const net = gained - lost;
  const { part } = TASKS[task];
  const rows = accuracy.perClass.toSorted(
    (a, b) => a.gained - a.lost - (b.gained - b.lost) || b.lost - a.lost,
  );
  const widest = Math.max(1, ...rows.map((row) => Math.max(row.gained, row.lost)));
  return (
    <Panel
      title="What breaks"
      subtitle={`${inWords(settings, units)} against ${from} on the same ${count(n)} samples: ${
        mcnemarP === null
          ? `${count(lost)} score lower, ${count(gained)} higher`
          : `${count(lost)} answers lost, ${count(gained)} gained, net ${net > 0 ? "+" : net < 0 ? "−" : ""}${count(Math.abs(net))}; ${chance(mcnemarP)}`
      }`}
    >
      {rows.length > 0 && (
        <table className="tight breaks">
          <thead>
            <tr>
              <th scope="col">{part === "label" ? "Label" : "Class"}, worst first</th>
              <th scope="col" className="num">
                Lost
              </th>
              <th scope="col">Lost and gained answers</th>
              <th scope="col" className="num">
                Gained
              </th>
              <th scope="col" className="num">
                Net
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => {
              const difference = row.gained - row.lost;
              return (
                <tr key={row.label}>
                  <td>{labels[row.label] ?? `${part} ${row.label}`}</td>
                  <td className="num">{count(row.lost)}</td>
                  <td>
                    <div className="break-bar" aria-hidden="true">
                      <i className="lost" style={{ width: `${(row.lost / widest) * 50}%` }} />
                      <i className="gained" style={{ width: `${(row.gained / widest) * 50}%` }} />
                    </div>
                  </td>
                  <td className="num">{count(row.gained)}</td>
                  <td className="num m">
                    {difference > 0 ? "+" : difference < 0 ? "−" : ""}
                    {count(Math.abs(difference))}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      {changed &&
        (task === "classification" ? (
          <ChangedSamples {...props} changed={changed} />
        ) : (
          <MovedSamples {...props} changed={changed} />
        ))}
    </Panel>
  );
}
