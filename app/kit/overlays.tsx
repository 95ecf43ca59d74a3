"use client";

import { useState } from "react";
import { Button } from "@/components/ui/button";
import { ConfirmDialog, Dialog, Sheet } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { Progress } from "@/components/ui/progress";
import { StatusBadge } from "@/components/ui/status";
import { useToast } from "@/components/ui/toast";
import { Section } from "./section";

type Open = "dialog" | "confirm" | "failing" | "sheet" | undefined;

export function OverlaySections() {
  const [open, setOpen] = useState<Open>();
  const toast = useToast();
  const close = () => setOpen(undefined);
  return (
    <Section
      span={12}
      title="Overlays"
      note="one shadow in the product; sheets have a strong hairline instead"
      padded
    >
      <div className="row flex-wrap">
        <Button onClick={() => setOpen("dialog")}>Dialog…</Button>
        <Button variant="danger" onClick={() => setOpen("confirm")}>
          Roll back to v5…
        </Button>
        <Button onClick={() => setOpen("failing")}>Confirm that fails…</Button>
        <Button onClick={() => setOpen("sheet")}>Sheet</Button>
        <Button
          onClick={() => {
            toast({
              state: "ok",
              title: "v5 serves production.",
              detail: "Took 191 ms.",
              action: { label: "Audit", onPress: close },
            });
            toast({
              state: "bad",
              title: "v10 was not created.",
              detail: "The name is taken.",
              action: { label: "Rename", onPress: close },
            });
          }}
        >
          Toasts
        </Button>
      </div>
      <Dialog
        open={open === "dialog"}
        onOpenChange={close}
        title="Commit as v10"
        footer={
          <>
            <Button onClick={close}>Not yet</Button>
            <Button variant="primary" onClick={close}>
              Commit
            </Button>
          </>
        }
      >
        <Field label="Name" hint="a to z, 0 to 9 and hyphens">
          <Input defaultValue="garment-cls-54" />
        </Field>
      </Dialog>
      <ConfirmDialog
        open={open === "confirm"}
        onOpenChange={close}
        title="Roll production back to v5?"
        confirm="Roll back"
        keep="Keep v7"
        danger
        onConfirm={() => Promise.resolve()}
      >
        Traffic moves from v7 to v5 in about 0.2 s. v5 is warm. 412 requests/s are affected; none are dropped.
      </ConfirmDialog>
      <ConfirmDialog
        open={open === "failing"}
        onOpenChange={close}
        title="Drain spot-3?"
        confirm="Drain"
        keep="Keep it"
        onConfirm={() => Promise.reject(new Error("spot-3 left the cluster at 14:31. Nothing was changed."))}
      >
        2 workers move to other nodes in about 49 s.
      </ConfirmDialog>
      <Sheet
        open={open === "sheet"}
        onOpenChange={close}
        title="Upload to garment-cls"
        state={<StatusBadge state="running">inspecting</StatusBadge>}
        footer={
          <Button reason="2 checks are still running." reasonAt="beside">
            Create v10
          </Button>
        }
      >
        <div className="p-4">
          <Progress
            label="Inspection"
            value={0.71}
            step="5 of 7 checks"
            etaSeconds={2}
            action={{ label: "Cancel", onPress: close }}
          />
        </div>
      </Sheet>
    </Section>
  );
}
