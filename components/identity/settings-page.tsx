"use client";
import { useSuspenseQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/components/trpc/client";
import { Button, LinkButton } from "@/components/ui/button";
import { PageHeader } from "@/components/ui/page-header";
import { AppearancePanel } from "./appearance-panel";
import { InviteDialog } from "./invite-dialog";
import { MembersPanel } from "./members-panel";
import { RolesMatrix } from "./roles-matrix";
import { TokensPanel } from "./tokens-panel";

export function SettingsPage({ team }: { team: string }) {
  const trpc = useTRPC();
  const { data: me } = useSuspenseQuery(trpc.identity.me.queryOptions());
  const [inviting, setInviting] = useState(false);
  const membership = me.teams.find((t) => t.teamSlug === team);
  const may = (permission: "member.manage" | "token.manage" | "webhook.manage") =>
    membership?.permissions.includes(permission) ?? false;
  return (
    <>
      <PageHeader
        title={`Settings of ${membership?.teamName ?? team}`}
        meta={`you are ${membership?.roles.join(", ")}; every change here is in the audit log`}
        crumbs={[{ label: "Settings" }]}
        actions={
          <>
            <LinkButton href={`/${team}/settings/policies`}>Policies</LinkButton>
            <LinkButton href={`/${team}/settings/alerts`}>Alert rules</LinkButton>
            {may("webhook.manage") && <LinkButton href={`/${team}/settings/webhooks`}>Webhooks</LinkButton>}
            <Button
              variant="primary"
              onClick={() => setInviting(true)}
              reason={may("member.manage") ? undefined : "Only an admin invites people."}
            >
              Invite…
            </Button>
          </>
        }
      />
      <div className="g">
        <div className="g g2 settings-top">
          <MembersPanel team={team} me={me.person.id} manage={may("member.manage")} />
          <RolesMatrix />
        </div>
        {may("token.manage") && <TokensPanel team={team} />}
        <AppearancePanel />
      </div>
      <InviteDialog team={team} open={inviting} onOpenChange={setInviting} />
    </>
  );
}
