"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useMemo, useState } from "react";
import { downloadCsv } from "@/components/charts/export";
import { useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { Button, LinkButton } from "@/components/ui/button";
import { cx } from "@/components/ui/cx";
import { EmptyState, Skeleton } from "@/components/ui/feedback";
import { plural } from "@/components/ui/format";
import { readNumbers } from "@/components/ui/numbers";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { Select } from "@/components/ui/select";
import { useUrlState } from "@/components/ui/use-url-state";
import { MAX_COMPARED } from "@/server/models/contract";
import { type CompareRow, type Comparison, compareGroups, toTable } from "./compare-rows";

/** Versions side by side: what differs first, the rest folded; versions, baseline and dataset are in the address. */
export function ComparePage({ team, model }: { team: string; model: string }) {
  const trpc = useTRPC();
  const [chosen, choose] = useUrlState("v");
  const [base, setBase] = useUrlState("base");
  const [on, setOn] = useUrlState("on");
  const all = readNumbers(chosen);
  const versions = all.slice(0, MAX_COMPARED);
  const page = useQuery(
    trpc.models.compare.queryOptions(
      { team, model, versions, baseline: readNumbers(base)[0] ?? null, datasetId: on || null },
      { enabled: versions.length > 0, placeholderData: keepPreviousData },
    ),
  );
  const home = `/${team}/models/${model}`;
  const header = (
    <PageHeader
      title={`Compare ${model}`}
      meta={
        all.length > MAX_COMPARED
          ? `the first ${MAX_COMPARED} of ${all.length} chosen versions`
          : plural(versions.length, "version")
      }
      crumbs={[
        { label: "Models", href: `/${team}/models` },
        { label: model, href: home },
        { label: "Compare" },
      ]}
      actions={
        <>
          {page.data && (
            <Button onClick={() => downloadCsv(toTable(page.data), `${model}-compared`)}>Download CSV</Button>
          )}
          <LinkButton href={home}>Choose versions</LinkButton>
        </>
      }
    />
  );
  if (versions.length === 0) {
    return (
      <>
        {header}
        <Panel>
          <EmptyState
            title="No versions chosen"
            actions={
              <LinkButton variant="primary" href={home}>
                Choose versions
              </LinkButton>
            }
          >
            Tick up to {MAX_COMPARED} versions on the model’s page to see them side by side, differences
            first.
          </EmptyState>
        </Panel>
      </>
    );
  }
  if (page.isPending) return <Skeleton />;
  if (page.isError) {
    return (
      <>
        {header}
        <QueryError
          error={page.error}
          remedy="Choose the versions again on the model’s page."
          onRetry={page.refetch}
        />
      </>
    );
  }
  return (
    <>
      {header}
      <CompareTable
        comparison={page.data}
        href={(number) => `${home}/v/${number}`}
        onBaseline={(number) => setBase(String(number))}
        onRemove={(number) => choose(versions.filter((other) => other !== number).join(","))}
        onDataset={setOn}
      />
    </>
  );
}

interface TableProps {
  comparison: Comparison;
  href: (number: number) => string;
  onBaseline: (number: number) => void;
  onRemove: (number: number) => void;
  onDataset: (id: string) => void;
}

function CompareTable({ comparison, href, onBaseline, onRemove, onDataset }: TableProps) {
  const { versions, baseline, datasets, dataset } = comparison;
  const groups = useMemo(() => compareGroups(comparison), [comparison]);
  return (
    <Panel
      title="Side by side"
      subtitle="differences first; ★ marks the best value of a row"
      tools={
        datasets.length > 0 && (
          <Select
            label="Dataset"
            value={dataset?.id ?? null}
            onValueChange={onDataset}
            options={datasets.map(({ id, name, versions: measured }) => ({
              value: id,
              label: name,
              hint: `${measured} of ${versions.length} measured`,
            }))}
          />
        )
      }
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section className="table-frame compare" aria-label="Versions side by side" tabIndex={0}>
        <table className="tight">
          <thead>
            <tr>
              <th scope="col">
                <span className="sr-only">Property</span>
              </th>
              {versions.map(({ number }) => (
                <th key={number} scope="col" className="num">
                  <Link className="link" href={href(number)}>
                    v{number}
                  </Link>
                  <span className="compare-tools">
                    {number === baseline ? (
                      <span>baseline</span>
                    ) : (
                      <Button
                        size="sm"
                        variant="ghost"
                        aria-label={`Make v${number} the baseline`}
                        onClick={() => onBaseline(number)}
                      >
                        Baseline
                      </Button>
                    )}
                    {versions.length > 1 && (
                      <Button
                        size="sm"
                        variant="ghost"
                        aria-label={`Leave v${number} out`}
                        onClick={() => onRemove(number)}
                      >
                        ✕
                      </Button>
                    )}
                  </span>
                </th>
              ))}
            </tr>
          </thead>
          {groups.map((group) => (
            <Group key={group.title} {...group} comparison={comparison} />
          ))}
        </table>
      </section>
    </Panel>
  );
}

function Group(props: {
  title: string;
  differing: CompareRow[];
  equal: CompareRow[];
  comparison: Comparison;
}) {
  const { title, differing, equal, comparison } = props;
  const [open, setOpen] = useState(false);
  const columns = comparison.versions.length + 1;
  return (
    <tbody>
      <tr className="compare-group">
        <th scope="rowgroup" colSpan={columns}>
          {title}
        </th>
      </tr>
      {differing.map((row) => (
        <Row key={row.key} row={row} comparison={comparison} />
      ))}
      {equal.length > 0 && (
        <tr>
          <td colSpan={columns}>
            <button type="button" className="link" aria-expanded={open} onClick={() => setOpen(!open)}>
              {open ? "Hide" : "Show"} {plural(equal.length, "equal row")}
            </button>
          </td>
        </tr>
      )}
      {open && equal.map((row) => <Row key={row.key} row={row} comparison={comparison} />)}
    </tbody>
  );
}

function Row({ row, comparison: { versions, baseline } }: { row: CompareRow; comparison: Comparison }) {
  return (
    <tr>
      <th scope="row" title={row.label}>
        {row.label}
      </th>
      {row.cells.map(({ text, detail }, index) => {
        const number = versions[index]?.number;
        const isBest = row.best.includes(index);
        return (
          <td key={number} title={detail} className={cx("num", number === baseline && "is-base")}>
            {isBest && <span aria-hidden="true">★ </span>}
            {text === null ? (
              <span className="t3">
                –<span className="sr-only"> {detail ?? "not known"}</span>
              </span>
            ) : isBest ? (
              <b className="m">{text}</b>
            ) : (
              text
            )}
            {isBest && <span className="sr-only"> best</span>}
          </td>
        );
      })}
    </tr>
  );
}
