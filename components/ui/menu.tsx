"use client";

import { Menu as Base } from "@base-ui/react/menu";
import type { ReactElement } from "react";
import { IconButton } from "./button";
import { Icon } from "./icons";
import { KeyHint } from "./key-hint";
import { usePortalHost } from "./portal-host";

export type MenuItem = {
  label: string;
  onPress: () => void;
  danger?: boolean | undefined;
  /** Why it is not possible now. */
  reason?: string | undefined;
  keys?: string | undefined;
  /** Shows a tick; for choices such as the theme. */
  checked?: boolean | undefined;
};

export type MenuGroup = { label?: string | undefined; items: readonly MenuItem[] };

type MenuProps = {
  label: string;
  groups: readonly MenuGroup[];
  trigger?: ReactElement | undefined;
  align?: "start" | "end" | undefined;
};

/** A menu; without a trigger of its own it is the overflow button "…". */
export function Menu({ label, groups, trigger, align = "end" }: MenuProps) {
  const [control, host] = usePortalHost();
  return (
    <Base.Root>
      <Base.Trigger
        ref={control}
        render={trigger ?? <IconButton icon="more" label={label} />}
        aria-label={label}
      />
      <Base.Portal container={host}>
        <Base.Positioner className="layer" sideOffset={4} align={align}>
          <Base.Popup className="pop menu">
            {groups.map((group, index) => (
              <Base.Group key={group.label ?? index} className="menu-group">
                {group.label && <Base.GroupLabel className="menu-label">{group.label}</Base.GroupLabel>}
                {group.items.map((item) => (
                  <Base.Item
                    key={item.label}
                    className={item.danger ? "item c-bad" : "item"}
                    disabled={Boolean(item.reason)}
                    onClick={item.onPress}
                  >
                    <span>{item.label}</span>
                    {item.reason && <span className="t3 s12">{item.reason}</span>}
                    {item.keys && <KeyHint keys={item.keys} />}
                    {item.checked && <Icon name="check" />}
                  </Base.Item>
                ))}
              </Base.Group>
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
