"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTRPC } from "@/components/trpc/client";
import { type Command, useCommands } from "@/components/ui/commands";
import type { Found, FoundKind } from "@/server/overview/contract";

const GROUPS: Record<FoundKind, string> = {
  model: "Models",
  version: "Versions",
  run: "Runs",
  dataset: "Datasets",
};
const PATHS: Record<FoundKind, (found: Found) => string> = {
  model: ({ name }) => `/models/${name}`,
  version: ({ name, number }) => `/models/${name}/v/${number}`,
  run: ({ number }) => `/training/${number}`,
  dataset: ({ name }) => `/datasets/${name}`,
};

/** Offers in the palette what the server finds of a text, and says whether it is still looking. */
export function useFound(team: string): { search: (query: string) => void; isSearching: boolean } {
  const trpc = useTRPC();
  const [query, search] = useState("");
  const text = query.trim();
  const { data, isFetching } = useQuery(
    trpc.overview.search.queryOptions(
      { team, query: text },
      { enabled: text !== "", staleTime: 5_000, placeholderData: keepPreviousData },
    ),
  );
  const commands = useMemo<readonly Command[]>(
    () =>
      text === ""
        ? []
        : (data ?? []).map((found) => ({
            id: found.id,
            group: GROUPS[found.kind],
            label: found.label,
            hint: found.hint,
            // A digest or a run's title is what it may have been found by.
            keywords: `${found.hint} ${text}`,
            href: `/${team}${PATHS[found.kind](found)}`,
          })),
    [data, team, text],
  );
  useCommands(commands);
  return { search, isSearching: isFetching };
}
