/** Prefetching on the server: a page names the queries it shows and comes with their answers. */
import {
  defaultShouldDehydrateQuery,
  dehydrate,
  HydrationBoundary,
  hashKey,
  type QueryClient,
} from "@tanstack/react-query";
import { createTRPCOptionsProxy } from "@trpc/tanstack-react-query";
import { headers } from "next/headers";
import { cache, type ReactNode } from "react";
import { makeQueryClient } from "@/components/trpc/query-client";
import { requestContext } from "./identity/context";
import { appRouter } from "./router";

const queryClientOfRequest = cache(makeQueryClient);
/** Who asks; one look a request. */
export const context = cache(async () => requestContext(await headers()));

/** Query options bound to this request's person, for `prefetchQuery`. */
export const serverTrpc = () =>
  createTRPCOptionsProxy({ ctx: context, router: appRouter, queryClient: queryClientOfRequest });

type Prefetched = Parameters<QueryClient["prefetchQuery"]>[0];

/**
 * Renders its children with these queries answered already. A failing one is left to the client to show.
 *
 * The layout and the page share a client and run side by side, so each hands over only its own answers: a question of
 * the page that the layout handed over unanswered would be rendered as such, and hydrated with the answer.
 */
export async function Prefetch({ queries, children }: { queries: readonly unknown[]; children: ReactNode }) {
  const client = queryClientOfRequest();
  const own = new Set(queries.map((query) => hashKey((query as Prefetched).queryKey)));
  await Promise.all(queries.map((query) => client.prefetchQuery(query as Prefetched)));
  const state = dehydrate(client, {
    shouldDehydrateQuery: (query) => own.has(query.queryHash) && defaultShouldDehydrateQuery(query),
  });
  return <HydrationBoundary state={state}>{children}</HydrationBoundary>;
}
