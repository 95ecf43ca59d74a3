import { count } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { isGreyShape, Picture } from "@/components/ui/picture";
import { Bar } from "@/components/ui/progress";
import type { DatasetReport } from "@/server/datasets/contract";

/** Pictures by class, and how many samples each class has. */
export function SamplesPanel({ report, labels }: { report: DatasetReport; labels: readonly string[] }) {
  const most = Math.max(1, ...report.classes.map((c) => c.train + c.test));
  const hasPictures = report.previews.length > 0;
  return (
    <Panel
      title="Samples and balance"
      subtitle={
        hasPictures
          ? "the first of each class in the train part"
          : report.table
            ? "rows of a table"
            : "these samples are no pictures"
      }
    >
      <div className="dataset-class heads" aria-hidden="true">
        <span>Class</span>
        <span>{hasPictures && "First in file order"}</span>
        <span>Balance</span>
        <span className="num">Train</span>
        <span className="num">Test</span>
      </div>
      {report.classes.map(({ label, train, test }) => {
        const name = labels[label] ?? `class ${label}`;
        return (
          <div key={label} className="dataset-class">
            <div>
              <b className="m">{name}</b>
              <div className="t3 s12">label {label}</div>
            </div>
            <div className="pictures">
              {report.previews
                .filter((preview) => preview.label === label)
                .map((preview) => (
                  <Picture
                    key={preview.sampleId}
                    png={preview.png}
                    isGrey={isGreyShape(report.shape)}
                    label={`Sample ${preview.sampleId}, ${name}`}
                  />
                ))}
            </div>
            <Bar tone="ink" value={(train + test) / most} label={`${name}: samples, of the largest class`} />
            <span className="num">{count(train)}</span>
            <span className="num">{count(test)}</span>
          </div>
        );
      })}
    </Panel>
  );
}
