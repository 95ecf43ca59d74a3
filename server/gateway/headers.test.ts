import { expect, test } from "vitest";
import { askedHeaders } from "./headers";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const asked = (headers: Record<string, string>) => askedHeaders(headers, "req_1");

test.each([
  [`00-${TRACE}-${SPAN}-01`, "01"],
  [`00-${TRACE}-${SPAN}-00`, "00"],
  [`cc-${TRACE}-${SPAN}-01-what-comes-later`, "01"],
])("%s goes on as a child of it, sampled or not as it was", (traceparent, flags) => {
  const [version, trace, span, flag] =
    asked({ traceparent, tracestate: "a=1" }).traceparent?.split("-") ?? [];
  expect([version, trace, flag]).toEqual(["00", TRACE, flags]);
  expect(span).toMatch(/^[0-9a-f]{16}$/);
  expect(span).not.toBe(SPAN);
  expect(asked({ traceparent, tracestate: "a=1" }).tracestate).toBe("a=1");
});

test.each([
  `00-${TRACE}-${SPAN}-01-more`,
  `ff-${TRACE}-${SPAN}-01`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${TRACE}-${"0".repeat(16)}-01`,
])("%s is no parent: a new trace begins, without the state of another", (traceparent) => {
  const picked = asked({ traceparent, tracestate: "a=1" });
  expect(picked.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  expect(picked.traceparent).not.toContain(TRACE);
  expect(picked.tracestate).toBeUndefined();
});

test("baggage passes with or without a trace, up to what its standard asks for", () => {
  expect(asked({ baggage: "tenant=7" }).baggage).toBe("tenant=7");
  expect(asked({ baggage: `a=${"x".repeat(8191)}` }).baggage).toBeUndefined();
});
