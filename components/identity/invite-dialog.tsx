"use client";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { Button } from "@/components/ui/button";
import { OnceDialog } from "@/components/ui/once-dialog";
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
    <OnceDialog
      open={open}
      onClose={close}
      title="Invite someone"
      make={
        <Button
          variant="primary"
          busy={create.isPending ? "Making the link…" : undefined}
          reason={roles.length === 0 ? "Choose at least one role." : undefined}
          onClick={() => create.mutate({ team, roles })}
        >
          Make a link
        </Button>
      }
      made={
        create.data && {
          says: "Give this link to one person. It works once and holds for 7 days; it is not shown again.",
          text: create.data.url,
          label: "Invite link",
        }
      }
    >
      {problem && <ProblemCallout problem={problem} />}
      <RolesField roles={roles} onRoles={setRoles} />
    </OnceDialog>
  );
}
