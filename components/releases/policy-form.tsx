"use client";
import { Field, Input } from "@/components/ui/field";
import { Panel } from "@/components/ui/panel";
import { Segmented } from "@/components/ui/segmented";
import { Select } from "@/components/ui/select";
import { Checkbox } from "@/components/ui/toggle";
import { Role } from "@/server/identity/contract";
import type { Environment } from "@/server/releases/contract";
import { METRIC_WORDS, Metric, SizeMeasure } from "@/server/releases/policy-contract";
import { FreezeFields } from "./freeze-fields";
import { ClassFields, SliceFields } from "./group-fields";
import type { Draft } from "./policy-draft";
import { type PartProps, Rows, TESTS } from "./policy-rows";
import { StagingFields } from "./staging-fields";

/** Every rule of a policy, each field with what is wrong with it. */
export function PolicyForm({ environment, ...props }: PartProps & { environment: Environment }) {
  return (
    <>
      <Metrics {...props} />
      <Limits {...props} />
      <Panel title="Approvals and time" padded>
        <div className="col">
          <ApprovalFields environment={environment} {...props} />
          {environment === "production" && <StagingFields {...props} />}
          <FreezeFields {...props} />
        </div>
      </Panel>
    </>
  );
}

const METRICS = Metric.options.map((value) => ({
  value,
  label: METRIC_WORDS[value].name,
  hint: `${METRIC_WORDS[value].better} is better`,
}));
function Metrics({ draft, errors, onChange }: PartProps) {
  const set = (metrics: Draft["metrics"]) => onChange({ ...draft, metrics });
  return (
    <Panel title="Figures" subtitle="against what serves now, on the same samples" padded>
      <div className="col">
        <Rows
          items={draft.metrics}
          what="figure"
          error={errors.metrics}
          onAdd={() =>
            set([...draft.metrics, { metric: "score", worseBy: "1", test: "point", minSamples: "0" }])
          }
          onRemove={(index) => set(draft.metrics.filter((_, i) => i !== index))}
        >
          {(rule, index) => {
            const change = (values: Partial<typeof rule>) =>
              set(draft.metrics.with(index, { ...rule, ...values }));
            const error = (field: string) => errors[`metrics.${index}.${field}`];
            return (
              <>
                <Field label="Figure">
                  <Select
                    options={METRICS}
                    value={rule.metric}
                    onValueChange={(metric) =>
                      change({ metric, test: metric === "score" ? rule.test : "point" })
                    }
                  />
                </Field>
                <Field label="At most worse by" error={error("worseBy")}>
                  <Input
                    inputMode="decimal"
                    unit={rule.metric === "score" ? "points" : undefined}
                    value={rule.worseBy}
                    onValueChange={(worseBy) => change({ worseBy })}
                  />
                </Field>
                <Field label="Tested on" error={error("test")}>
                  <Segmented
                    options={rule.metric === "score" ? TESTS : TESTS.slice(1)}
                    value={rule.test}
                    onValueChange={(test) => change({ test })}
                  />
                </Field>
                <Field label="Least n" error={error("minSamples")}>
                  <Input
                    inputMode="numeric"
                    value={rule.minSamples}
                    onValueChange={(minSamples) => change({ minSamples })}
                  />
                </Field>
              </>
            );
          }}
        </Rows>
        <ClassFields {...{ draft, errors, onChange }} />
        <SliceFields {...{ draft, errors, onChange }} />
      </div>
    </Panel>
  );
}

const MEASURES: Record<SizeMeasure, string> = {
  file: "File",
  zstd19: "zstd-19",
  sparse: "Sparse-encoded",
  packed: "Packed",
  macs: "MACs",
};
const SIZES = SizeMeasure.options.map((value) => ({ value, label: MEASURES[value] }));
const KINDS = [
  { value: "ratio" as const, label: "relative", hint: "to production’s" },
  { value: "absolute" as const, label: "absolute", hint: "by itself, in its own unit" },
];

function Limits({ draft, errors, onChange }: PartProps) {
  const setSizes = (sizes: Draft["sizes"]) => onChange({ ...draft, sizes });
  const setLatency = (latency: Draft["latency"]) => onChange({ ...draft, latency });
  return (
    <Panel title="Size and latency" padded>
      <div className="col">
        <Rows
          items={draft.sizes}
          what="size"
          error={errors.sizes}
          onAdd={() => setSizes([...draft.sizes, { measure: "packed", kind: "ratio", atMost: "105" }])}
          onRemove={(index) => setSizes(draft.sizes.filter((_, i) => i !== index))}
        >
          {(rule, index) => {
            const change = (values: Partial<typeof rule>) =>
              setSizes(draft.sizes.with(index, { ...rule, ...values }));
            return (
              <>
                <Field label="Size">
                  <Select
                    options={SIZES}
                    value={rule.measure}
                    onValueChange={(measure) => change({ measure })}
                  />
                </Field>
                <AtMost
                  rule={rule}
                  unit={rule.measure === "macs" ? undefined : "B"}
                  error={errors[`sizes.${index}.atMost`]}
                  onChange={change}
                />
              </>
            );
          }}
        </Rows>
        <Rows
          items={draft.latency}
          what="latency"
          error={errors.latency}
          onAdd={() => setLatency([...draft.latency, { batch: "1", kind: "ratio", atMost: "110" }])}
          onRemove={(index) => setLatency(draft.latency.filter((_, i) => i !== index))}
        >
          {(rule, index) => {
            const change = (values: Partial<typeof rule>) =>
              setLatency(draft.latency.with(index, { ...rule, ...values }));
            return (
              <>
                <Field label="Latency of batch" error={errors[`latency.${index}.batch`]}>
                  <Input
                    inputMode="numeric"
                    value={rule.batch}
                    onValueChange={(batch) => change({ batch })}
                  />
                </Field>
                <AtMost rule={rule} unit="ms" error={errors[`latency.${index}.atMost`]} onChange={change} />
              </>
            );
          }}
        </Rows>
      </div>
    </Panel>
  );
}

type Limit = Pick<Draft["sizes"][number], "kind" | "atMost">;
interface AtMostProps {
  rule: Limit;
  unit: string | undefined;
  error: string | undefined;
  onChange: (values: Partial<Limit>) => void;
}
function AtMost({ rule, unit, error, onChange }: AtMostProps) {
  return (
    <>
      <Field label="At most" error={error}>
        <Input
          inputMode="decimal"
          unit={rule.kind === "ratio" ? "%" : unit}
          value={rule.atMost}
          onValueChange={(atMost) => onChange({ atMost })}
        />
      </Field>
      <Field label="Measured">
        <Segmented options={KINDS} value={rule.kind} onValueChange={(kind) => onChange({ kind })} />
      </Field>
    </>
  );
}

function ApprovalFields({ environment, draft, errors, onChange }: PartProps & { environment: Environment }) {
  const { approvals } = draft;
  const toggle = (role: Role, isIn: boolean) =>
    onChange({
      ...draft,
      approvals: {
        ...approvals,
        roles: Role.options.filter((r) => (r === role ? isIn : approvals.roles.includes(r))),
      },
    });
  return (
    <>
      <div className="policy-row">
        <Field
          label="People who approve"
          error={errors["approvals.count"]}
          hint={environment === "staging" ? "never who asked; 0: nobody has to" : "never who asked"}
        >
          <Input
            inputMode="numeric"
            value={approvals.count}
            onValueChange={(count) => onChange({ ...draft, approvals: { ...approvals, count } })}
          />
        </Field>
        <Field
          label="Bake time"
          error={errors.bakeMinutes}
          hint="that what serves must have served, without an alarm, before the next is approved"
        >
          <Input
            inputMode="numeric"
            unit="min"
            value={draft.bakeMinutes}
            onValueChange={(bakeMinutes) => onChange({ ...draft, bakeMinutes })}
          />
        </Field>
      </div>
      <fieldset className="policy-choices">
        <legend className="lab">Among them, beside the role approver, someone who is also</legend>
        {Role.options
          .filter((role) => role !== "approver" && role !== "viewer")
          .map((role) => (
            <Checkbox
              key={role}
              label={role}
              checked={approvals.roles.includes(role)}
              onCheckedChange={(isIn) => toggle(role, isIn)}
            />
          ))}
      </fieldset>
    </>
  );
}
