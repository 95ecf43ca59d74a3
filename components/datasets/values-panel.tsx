import { plural, significant } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Bar } from "@/components/ui/progress";
import { Table } from "@/components/ui/table";
import type { DatasetReport } from "@/server/datasets/contract";

type Values = DatasetReport["values"];

/** How the values to be predicted are distributed: samples in bins of equal width, train and test together. */
export function ValuesPanel({ values }: { values: Values }) {
  return (
    <Panel title="Values to be predicted" subtitle="samples in bins of equal width">
      {values.map((value, index) => {
        const width = (value.max - value.min) / value.bins.length;
        const most = Math.max(1, ...value.bins.map(({ train, test }) => train + test));
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: values have no name but their place
          <div key={index} className="body col">
            <p className="lab">
              value {index + 1}: mean {significant(value.mean)}, deviation {significant(value.std)}
            </p>
            <Table
              label={`Distribution of value ${index + 1}`}
              tight
              rows={value.bins.map((bin, place) => ({ ...bin, from: value.min + place * width }))}
              rowKey={(bin) => String(bin.from)}
              columns={[
                {
                  key: "from",
                  head: "From",
                  align: "end",
                  width: "96px",
                  cell: (bin) => significant(bin.from),
                },
                {
                  key: "share",
                  head: "Samples",
                  cell: (bin) => (
                    <Bar
                      tone="ink"
                      value={(bin.train + bin.test) / most}
                      label={`from ${significant(bin.from)}: ${plural(bin.train + bin.test, "sample")}`}
                    />
                  ),
                },
                { key: "train", head: "Train", align: "end", width: "80px", cell: (bin) => bin.train },
                { key: "test", head: "Test", align: "end", width: "80px", cell: (bin) => bin.test },
              ]}
            />
          </div>
        );
      })}
    </Panel>
  );
}
