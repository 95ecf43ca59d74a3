/** Webhooks: what is told to whom. */
import { z } from "zod";
import { Id } from "../platform/atoms";

export const HookEvent = z.enum(["request.opened", "request.decided", "release.changed", "alarm.fired"]);
export type HookEvent = z.infer<typeof HookEvent>;

export const CreateHook = z.object({
  url: z.url("enter an address such as https://example.com/hooks").max(2000),
  events: z.array(HookEvent).min(1, "choose at least one event"),
});
export const HookId = z.object({ hookId: Id });
export const DeliveryId = z.object({ deliveryId: Id });
