import { count, significant } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { isGreyShape, Picture } from "@/components/ui/picture";
import { Bar } from "@/components/ui/progress";
import type { DatasetReport } from "@/server/datasets/contract";
import { TASKS } from "@/server/datasets/contract";

/** Pictures by class, and how many samples each class has. */
export function SamplesPanel({ report, labels }: { report: DatasetReport; labels: readonly string[] }) {
  const { part } = TASKS[report.task];
  const most = Math.max(1, ...report.classes.map((c) => c.train + c.test));
  const hasPictures = report.previews.length > 0;
  const isClassed = report.task === "classification";
  return (
    <Panel
      title={report.classes.length > 0 ? "Samples and balance" : "Samples"}
      subtitle={
        hasPictures
          ? isClassed
            ? "the first of each class in the train part"
            : "the first of the train part"
          : report.table
            ? "rows of a table"
            : "the first of the train part, as they stand in the file"
      }
    >
      {!isClassed && hasPictures && (
        <div className="body pictures">
          {report.previews.map(({ sampleId, png }) => (
            <Picture
              key={sampleId}
              png={png}
              isGrey={isGreyShape(report.shape)}
              label={`Sample ${sampleId}`}
            />
          ))}
        </div>
      )}
      {!report.table && report.rows.length > 0 && <Rows report={report} />}
      {report.classes.length > 0 && (
        <div className="dataset-class heads" aria-hidden="true">
          <span>{part === "label" ? "Label" : "Class"}</span>
          <span>{isClassed && hasPictures && "First in file order"}</span>
          <span>Balance</span>
          <span className="num">Train</span>
          <span className="num">Test</span>
        </div>
      )}
      {report.classes.map(({ label, train, test }) => {
        const name = labels[label] ?? `${part} ${label}`;
        return (
          <div key={label} className="dataset-class">
            <div>
              <b className="m">{name}</b>
              <div className="t3 s12">label {label}</div>
            </div>
            <div className="pictures">
              {report.previews
                .filter((preview) => isClassed && preview.label === label)
                .map((preview) => (
                  <Picture
                    key={preview.sampleId}
                    png={preview.png}
                    isGrey={isGreyShape(report.shape)}
                    label={`Sample ${preview.sampleId}, ${name}`}
                  />
                ))}
            </div>
            <Bar
              tone="ink"
              value={(train + test) / most}
              label={`${name}: ${report.task === "tokens" ? "tokens" : "samples"}, of the largest`}
            />
            <span className="num">{count(train)}</span>
            <span className="num">{count(test)}</span>
          </div>
        );
      })}
    </Panel>
  );
}

/** Samples that are no pictures, by their first numbers. */
function Rows({ report: { rows, shape, task, labelShape } }: { report: DatasetReport }) {
  const size = shape.reduce((product, n) => product * n, 1);
  const labels = labelShape.reduce((product, n) => product * n, 1);
  return (
    <table className="tight sample-rows">
      <thead>
        <tr>
          <th scope="col">Sample</th>
          <th scope="col">{size === 1 ? "Value" : `First of ${count(size)} values`}</th>
          {task !== "unlabelled" && (
            <th scope="col">{labels === 1 ? "Label" : `First of ${count(labels)} labels`}</th>
          )}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ sampleId, values, label }) => (
          <tr key={sampleId}>
            <td>{count(sampleId)}</td>
            <td>{inLine(values, size)}</td>
            {task !== "unlabelled" && <td>{inLine(label, labels)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const inLine = (numbers: readonly number[], of: number): string =>
  numbers.map((n) => (Number.isInteger(n) ? count(n) : significant(n))).join("  ") +
  (numbers.length < of ? " …" : "");
