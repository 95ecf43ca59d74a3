"use client";
/** The one tRPC client of the console: batched requests, streamed answers, one live stream. */
import { type QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createTRPCClient,
  httpBatchLink,
  httpBatchStreamLink,
  httpSubscriptionLink,
  splitLink,
  TRPCClientError,
} from "@trpc/client";
import type { inferRouterOutputs } from "@trpc/server";
import { createTRPCContext } from "@trpc/tanstack-react-query";
import { type ReactNode, useState } from "react";
import superjson from "superjson";
import { capital } from "@/components/ui/format";
import type { AppRouter } from "@/server/router";
import { makeQueryClient } from "./query-client";

export const { TRPCProvider, useTRPC, useTRPCClient } = createTRPCContext<AppRouter>();
export type Outputs = inferRouterOutputs<AppRouter>;

const url = "/api/trpc";
const headers = { "x-lathe": "1" };

function makeClient() {
  return createTRPCClient<AppRouter>({
    links: [
      splitLink({
        condition: (op) => op.type === "subscription",
        true: httpSubscriptionLink({ url, transformer: superjson }),
        false: splitLink({
          // Answers that arrive in parts ask for it; everything else is one plain batch.
          condition: (op) => op.context.stream === true,
          true: httpBatchStreamLink({ url, headers, transformer: superjson }),
          // Node refuses a request whose head has more than 16 kB; the numbers of 200 runs take 2 kB a query.
          false: httpBatchLink({ url, headers, transformer: superjson, maxItems: 20, maxURLLength: 8_000 }),
        }),
      }),
    ],
  });
}

let shared: QueryClient | undefined;
/** One cache a tab; a fresh one for each request on the server. */
const queryClientOfTab = (): QueryClient => {
  if (typeof window === "undefined") return makeQueryClient();
  shared = shared ?? makeQueryClient();
  return shared;
};

export function DataProvider({ children }: { children: ReactNode }) {
  const queryClient = queryClientOfTab();
  const [client] = useState(makeClient);
  return (
    <QueryClientProvider client={queryClient}>
      <TRPCProvider trpcClient={client} queryClient={queryClient}>
        {children}
      </TRPCProvider>
    </QueryClientProvider>
  );
}

/** What a failed request says to a person. */
export interface ReadableError {
  message: string;
  remedy: string | undefined;
  reason: string | undefined;
  requestId: string | undefined;
  /** Whoever asks is not known, or no longer. */
  isSignedOut: boolean;
  /** Messages by field name. */
  fields: Record<string, string>;
}

/** `maxCost` as "Max cost". */
const named = (field: string): string =>
  capital(field.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`));

export function readError(error: unknown): ReadableError {
  if (error instanceof TRPCClientError) {
    const data = (error as TRPCClientError<AppRouter>).data;
    const fields = Object.fromEntries((data?.issues ?? []).map((i) => [i.path.at(-1) ?? "", i.message]));
    const first = data?.issues?.[0];
    return {
      message: first
        ? `${named(first.path.at(-1) ?? "input")}: ${first.message}`
        : data
          ? error.message
          : "The server can't be reached.",
      remedy: data ? data.remedy : "Nothing was changed. Check the connection and try again.",
      reason: data?.reason,
      requestId: data?.requestId,
      isSignedOut: data?.httpStatus === 401,
      fields,
    };
  }
  return {
    message: error instanceof Error ? error.message : "Something went wrong.",
    remedy: undefined,
    reason: undefined,
    requestId: undefined,
    isSignedOut: false,
    fields: {},
  };
}
