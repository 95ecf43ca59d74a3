"use client";
/** Which lane of a model a page shows: in the address, production where it names none. */
import type { ReactNode } from "react";
import { Segmented } from "@/components/ui/segmented";
import { Tabs } from "@/components/ui/tabs";
import { useUrlState } from "@/components/ui/use-url-state";
import { type Environment, environmentNamed } from "@/server/releases/contract";
import { LANE } from "./words";

const CHOICES = (["production", "staging"] as const).map((value) => ({ value, label: LANE[value].name }));

export function useEnvironment(): [Environment, (environment: Environment) => void] {
  const [named, name] = useUrlState("environment");
  return [environmentNamed(named), (next) => name(next === "production" ? "" : next)];
}

/** The same page of this environment. */
export const inEnvironment = (path: string, environment: Environment): string =>
  environment === "production" ? path : `${path}?environment=${environment}`;

interface Props {
  value: Environment;
  onValueChange: (environment: Environment) => void;
}

export const EnvironmentTabs = ({
  label,
  children,
  ...props
}: Props & { label: string; children: ReactNode }) => (
  <Tabs label={label} tabs={CHOICES} {...props}>
    {children}
  </Tabs>
);

export const EnvironmentSwitch = (props: Props) => (
  <Segmented label="Environment" options={CHOICES} {...props} />
);
