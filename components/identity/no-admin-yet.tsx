import { AuthCard } from "@/components/ui/auth-card";
import { Snippet } from "@/components/ui/digest";

export function NoAdminYet() {
  return (
    <AuthCard
      title="Nobody has signed in yet"
      lead="The terminal that started this console printed a one-time link. It makes the first admin and the team. The link holds for 15 minutes; a restart prints a fresh one."
    >
      <Snippet text="npm start" label="Restart command" />
    </AuthCard>
  );
}
