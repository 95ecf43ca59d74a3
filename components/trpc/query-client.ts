import { isServer, QueryClient } from "@tanstack/react-query";
import { TRPCClientError } from "@trpc/client";
import superjson from "superjson";

const RETRIES = 2;
/**
 * What the server refused it refuses again: only what could not be asked or went wrong there is asked again, and
 * only by a browser: a page that is rendered must not wait for it.
 */
const mayRetry = (failures: number, error: Error): boolean => {
  const status = error instanceof TRPCClientError ? error.data?.httpStatus : undefined;
  return failures < RETRIES && (status === undefined || status >= 500);
};

/** Data stays fresh by events, not by age; a refocus after a dropped connection reads again. */
export const makeQueryClient = (): QueryClient =>
  new QueryClient({
    defaultOptions: {
      queries: { staleTime: 30_000, retry: isServer ? false : mayRetry, refetchOnWindowFocus: false },
      // What is pressed without a connection is refused at once: nothing happens later, when nobody looks.
      mutations: { networkMode: "always" },
      dehydrate: { serializeData: superjson.serialize },
      hydrate: { deserializeData: superjson.deserialize },
    },
  });
