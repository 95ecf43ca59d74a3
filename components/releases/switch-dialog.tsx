"use client";
import { useState } from "react";
import { ConfirmDialog } from "@/components/ui/dialog";
import { Digest } from "@/components/ui/digest";
import { Field, Input } from "@/components/ui/field";
import { decimal } from "@/components/ui/format";
import { DefinitionList } from "@/components/ui/panel";
import { type ModelPage, type Preview, type Release, switchMs } from "./words";

interface Props {
  direction: "rollback" | "forward";
  page: Pick<ModelPage, "model" | "environment">;
  /** What traffic is taken away from. */
  leaving: Release;
  /** Whether that is a version on a share of the traffic. */
  isRollout: boolean;
  preview: Preview;
  /** Requests a second now; null when none was counted. */
  perSecond: number | null;
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onConfirm: (reason: string) => Promise<unknown>;
}

/** One confirm before traffic moves: the sentence first, the numbers under it. */
export function SwitchDialog(props: Props) {
  const { direction, page, leaving, isRollout, preview, perSecond, open, onOpenChange, onConfirm } = props;
  const [reason, setReason] = useState("");
  const target = preview.target;
  if (!target) return null;
  const name = page.environment === "production" ? page.model.name : `${page.model.name} in staging`;
  const isBack = direction === "rollback";
  const warmUp = preview.warmUpMs === null ? "an unknown time" : switchMs(preview.warmUpMs);
  const when =
    preview.expectedMs === null
      ? "as soon as the gateway has the route"
      : `in about ${switchMs(preview.expectedMs)}`;
  return (
    <ConfirmDialog
      open={open}
      onOpenChange={onOpenChange}
      title={
        isBack ? `Roll ${name} back to v${target.version}?` : `Bring ${name} forward to v${target.version}?`
      }
      confirm={isBack ? "Roll back" : "Go forward"}
      keep={`Keep v${leaving.version}`}
      danger={isBack}
      onConfirm={() => onConfirm(reason.trim())}
    >
      <p>
        {preview.isWarm
          ? `Traffic moves from v${leaving.version} to v${target.version} ${when}. v${target.version} is warm.`
          : `v${target.version} is not warm: a replica starts first, which took ${warmUp} last time. v${leaving.version} keeps serving until it is ready; then traffic moves.`}
      </p>
      <div className="my-3">
        <DefinitionList
          items={[
            [
              "Now",
              <span key="now">
                <i className="key production" />v{leaving.version} <Digest value={leaving.digest} />
                {perSecond !== null && `, ${decimal(perSecond, 1)} requests/s`}; requests in flight finish on
                it
              </span>,
            ],
            [
              "After",
              <span key="after">
                <i className="key target" />v{target.version} <Digest value={target.digest} />, revision{" "}
                {target.revision}
              </span>,
            ],
            [
              "Undo",
              isRollout
                ? `a new request for v${leaving.version}; its rollout ends`
                : `v${leaving.version} stays warm; the way back is the same press`,
            ],
          ]}
        />
      </div>
      <Field label="Why, one sentence; may be left out">
        <Input value={reason} onValueChange={setReason} maxLength={1000} />
      </Field>
    </ConfirmDialog>
  );
}
