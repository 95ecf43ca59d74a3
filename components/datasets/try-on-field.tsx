"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { useTRPC } from "@/components/trpc/client";
import { Field } from "@/components/ui/field";
import { SearchSelect } from "@/components/ui/search-select";
import type { Option } from "@/components/ui/select";

/** Models that a search shows at once. */
const SHOWN = 20;

interface Props {
  team: string;
  /** A version's id and its name. */
  value: Option<string> | null;
  onChange: (value: Option<string> | null) => void;
}

/** The model that a dataset is for, by its newest version: the check then ends with a test batch on it. */
export function TryOnField({ team, value, onChange }: Props) {
  const trpc = useTRPC();
  const [words, setWords] = useState("");
  const query = useDeferredValue(words.trim());
  const found = useQuery({
    ...trpc.models.list.queryOptions({ team, query, limit: SHOWN }),
    placeholderData: keepPreviousData,
  });
  const options = (found.data?.models ?? []).flatMap(({ name, task, latest }) =>
    latest?.state === "ready" ? [{ value: latest.id, label: `${name} v${latest.number}`, hint: task }] : [],
  );
  return (
    <Field
      label="For the model"
      hint="The check then ends with a batch of 64 test samples on its newest version; empty tries none"
    >
      <SearchSelect
        options={options}
        value={value}
        onValueChange={onChange}
        onSearch={setWords}
        placeholder="Find a model by name or task"
        empty={found.isPending ? "Looking…" : "No model whose newest version is ready is named so."}
      />
    </Field>
  );
}
