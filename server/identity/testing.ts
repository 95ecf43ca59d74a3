/** People and teams for slice tests. */
import { membership, team, user } from "../../db/schema/identity";
import type { TeamContext } from "../platform/context";
import type { Database } from "../platform/db";
import { newId } from "../platform/ids";

/** A team of its own, with an engineer who acts in it. */
export async function makeEngineer(db: Database): Promise<TeamContext> {
  const [teamId, personId] = [newId("team"), newId("usr")];
  const slug = teamId.replace("_", "-");
  await db.insert(user).values({ id: personId, name: "Ines", email: `${personId}@example.com` });
  await db.insert(team).values({ id: teamId, slug, name: slug });
  await db.insert(membership).values({ teamId, userId: personId, roles: ["engineer"] });
  return {
    db,
    teamId,
    teamSlug: slug,
    actor: { kind: "person", id: personId, name: "Ines", roles: ["engineer"] },
    requestId: newId("req"),
  };
}
