"use client";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Snippet } from "@/components/ui/digest";
import { Callout } from "@/components/ui/feedback";
import type { Role } from "@/server/identity/contract";
import { RolesField } from "./roles-field";

interface Props {
  team: string;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function InviteDialog({ team, open, onOpenChange }: Props) {
  const trpc = useTRPC();
  const [roles, setRoles] = useState<Role[]>(["engineer"]);
  const create = useMutation(trpc.identity.createInvite.mutationOptions());
  const close = () => {
    onOpenChange(false);
    create.reset();
  };
  const problem = create.error && readError(create.error);
  return (
    <Dialog
      open={open}
      onOpenChange={(next) => !next && close()}
      title="Invite someone"
      footer={
        create.data ? (
          <Button variant="primary" onClick={close}>
            Done
          </Button>
        ) : (
          <>
            <Button onClick={close}>Cancel</Button>
            <Button
              variant="primary"
              busy={create.isPending ? "Making the link…" : undefined}
              reason={roles.length === 0 ? "Choose at least one role." : undefined}
              onClick={() => create.mutate({ team, roles })}
            >
              Make a link
            </Button>
          </>
        )
      }
    >
      {problem && <Callout state="bad">{problem.message}</Callout>}
      {create.data ? (
        <div className="col">
          <p>Give this link to one person. It works once and holds for 7 days; it is not shown again.</p>
          <Snippet text={create.data.url} label="Invite link" />
        </div>
      ) : (
        <RolesField roles={roles} onRoles={setRoles} />
      )}
    </Dialog>
  );
}
