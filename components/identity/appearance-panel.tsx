"use client";
import { Panel } from "@/components/ui/panel";
import { Segmented } from "@/components/ui/segmented";
import { setThemeChoice, useThemeChoice } from "@/components/ui/theme";

export function AppearancePanel() {
  const theme = useThemeChoice();
  return (
    <Panel title="Appearance" subtitle="for you, on this browser" padded>
      <Segmented
        label="Theme"
        value={theme}
        onValueChange={setThemeChoice}
        options={[
          { value: "system", label: "System" },
          { value: "light", label: "Light" },
          { value: "dark", label: "Dark" },
        ]}
      />
    </Panel>
  );
}
