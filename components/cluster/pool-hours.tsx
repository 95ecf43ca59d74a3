"use client";
import { useMemo, useState } from "react";
import { cx } from "@/components/ui/cx";
import { Field, Input } from "@/components/ui/field";
import { SearchSelect } from "@/components/ui/search-select";
import { DAYS, type Day } from "@/server/cluster/schedule-contract";
import type { TypedPool } from "./pool-form";

type Hours = TypedPool["hours"];
const LISTED = 50;

interface PoolHoursProps {
  value: Hours;
  onChange: (value: Hours) => void;
  errorOf: (field: keyof Hours) => string | undefined;
}

/** When a pool has other limits, and which. */
export function PoolHours({ value, onChange, errorOf }: PoolHoursProps) {
  const set =
    <K extends keyof Hours>(key: K) =>
    (to: Hours[K]) =>
      onChange({ ...value, [key]: to });
  const toggled = (day: Day) =>
    DAYS.filter((one) => (one === day ? !value.days.includes(day) : value.days.includes(one)));
  return (
    <fieldset className="pool-hours">
      <legend className="lab">Office hours</legend>
      <div className="pool-days">
        {DAYS.map((day) => (
          <button
            key={day}
            type="button"
            className={cx("pool-day", value.days.includes(day) && "is-on")}
            aria-pressed={value.days.includes(day)}
            onClick={() => set("days")(toggled(day))}
          >
            {day}
          </button>
        ))}
      </div>
      {errorOf("days") && <p className="help err">{errorOf("days")}</p>}
      <div className="pool-fields">
        <Field label="From" error={errorOf("from")}>
          <Input type="time" value={value.from} onValueChange={set("from")} />
        </Field>
        <Field
          label="Until"
          error={errorOf("to")}
          hint={value.to < value.from ? "of the next day" : undefined}
        >
          <Input type="time" value={value.to} onValueChange={set("to")} />
        </Field>
        <Field label="Nodes then, at least" error={errorOf("min")}>
          <Input value={value.min} onValueChange={set("min")} inputMode="decimal" />
        </Field>
        <Field label="Nodes then, at most" error={errorOf("max")}>
          <Input value={value.max} onValueChange={set("max")} inputMode="decimal" />
        </Field>
      </div>
      <TimeZone value={value.timeZone} onChange={set("timeZone")} error={errorOf("timeZone")} />
    </fieldset>
  );
}

function TimeZone(props: { value: string; onChange: (zone: string) => void; error: string | undefined }) {
  const [words, setWords] = useState("");
  const zones = useMemo(() => ["UTC", ...Intl.supportedValuesOf("timeZone")], []);
  const found = zones.filter((zone) => zone.toLowerCase().includes(words.trim().toLowerCase()));
  return (
    <Field label="Time zone" error={props.error}>
      <SearchSelect
        options={found.slice(0, LISTED).map((zone) => ({ value: zone, label: zone }))}
        value={{ value: props.value, label: props.value }}
        onValueChange={(option) => option && props.onChange(option.value)}
        onSearch={setWords}
        placeholder="Europe/Berlin"
        empty="No time zone has this in its name."
      />
    </Field>
  );
}
