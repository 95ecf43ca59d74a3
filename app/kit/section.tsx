import type { ReactNode } from "react";
import { Panel } from "@/components/ui/panel";

const SPAN = {
  3: "col-span-3",
  4: "col-span-4",
  5: "col-span-5",
  6: "col-span-6",
  7: "col-span-7",
  8: "col-span-8",
  12: "col-span-12",
};

export type Span = keyof typeof SPAN;

/** One panel of the kit on its grid of twelve columns. */
export function Section(props: {
  span: Span;
  title: string;
  note?: string;
  padded?: boolean;
  children: ReactNode;
}) {
  return (
    <Panel title={props.title} subtitle={props.note} padded={props.padded} className={SPAN[props.span]}>
      {props.children}
    </Panel>
  );
}
