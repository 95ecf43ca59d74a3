"use client";
import { useMutation, useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Outputs, readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { Age } from "@/components/ui/age";
import { Button, TextAction } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Panel } from "@/components/ui/panel";
import { Table } from "@/components/ui/table";
import { useToast } from "@/components/ui/toast";
import type { Role } from "@/server/identity/contract";
import { RolesField } from "./roles-field";

type Member = Outputs["identity"]["members"][number];

export function MembersPanel({ team, me, manage }: { team: string; me: string; manage: boolean }) {
  const trpc = useTRPC();
  const { data: members } = useSuspenseQuery(trpc.identity.members.queryOptions({ team }));
  const { data: invites } = useQuery(trpc.identity.invites.queryOptions({ team }, { enabled: manage }));
  const [editing, setEditing] = useState<Member | null>(null);
  const subtitle =
    invites && invites.length > 0 ? `${members.length}, and ${invites.length} invited` : `${members.length}`;
  return (
    <Panel title="Members" subtitle={subtitle}>
      <Table
        label="Members"
        rows={members}
        rowKey={(m) => m.userId}
        columns={[
          {
            key: "name",
            head: "Name",
            cell: (m) => (
              <>
                <span className="m">{m.userId === me ? `${m.name} (you)` : m.name}</span>{" "}
                <span className="t3">{m.email}</span>
              </>
            ),
          },
          { key: "roles", head: "Roles", cell: (m) => m.roles.join(", ") },
          {
            key: "edit",
            head: <span className="sr-only">Change</span>,
            align: "end",
            cell: (m) => (manage ? <TextAction onClick={() => setEditing(m)}>Roles…</TextAction> : null),
          },
        ]}
      />
      {invites?.map((invite) => (
        <OpenInvite key={invite.id} team={team} invite={invite} />
      ))}
      {editing && <RolesDialog team={team} member={editing} onClose={() => setEditing(null)} />}
    </Panel>
  );
}

function OpenInvite({ team, invite }: { team: string; invite: Outputs["identity"]["invites"][number] }) {
  const trpc = useTRPC();
  const revoke = useMutation(trpc.identity.revokeInvite.mutationOptions());
  return (
    <div className="ph-row">
      <span className="t2">
        Invited as {invite.roles.join(", ")}, <Age at={invite.createdAt.getTime()} form="ago" />
      </span>
      <span className="grow" />
      <TextAction onClick={() => revoke.mutate({ team, inviteId: invite.id })} disabled={revoke.isPending}>
        Revoke
      </TextAction>
    </div>
  );
}

function RolesDialog({ team, member, onClose }: { team: string; member: Member; onClose: () => void }) {
  const trpc = useTRPC();
  const toast = useToast();
  const [roles, setRoles] = useState<Role[]>([...member.roles]);
  const change = useMutation(
    trpc.identity.changeRoles.mutationOptions({
      onSuccess: () => {
        toast({ state: "ok", title: `${member.name} is now ${roles.join(", ")}.` });
        onClose();
      },
    }),
  );
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Roles of ${member.name}`}
      footer={
        <>
          <Button onClick={onClose}>Keep as it is</Button>
          <Button
            variant="primary"
            busy={change.isPending ? "Saving…" : undefined}
            reason={roles.length === 0 ? "Choose at least one role." : undefined}
            onClick={() => change.mutate({ team, userId: member.userId, roles })}
          >
            Save
          </Button>
        </>
      }
    >
      {change.error && <ProblemCallout problem={readError(change.error)} />}
      <RolesField roles={roles} onRoles={setRoles} />
    </Dialog>
  );
}
