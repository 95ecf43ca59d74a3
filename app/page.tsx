import { redirect } from "next/navigation";
import { teamsOf } from "@/server/identity/service";
import { context } from "@/server/prefetch";

export default async function Home() {
  const { db, person } = await context();
  if (!person) redirect("/sign-in");
  const [team] = await teamsOf(db, person.id);
  redirect(team ? `/${team.teamSlug}/overview` : "/sign-in");
}
