/** Who is behind a request: the session's person and, on demand, their membership of a team. */
import { database } from "../platform/db";
import { newId } from "../platform/ids";
import type { RequestContext } from "../platform/ladder";
import { auth } from "./auth";
import { displayBehind } from "./display";
import { findMembership } from "./repo";

export async function requestContext(headers: Headers): Promise<RequestContext> {
  const db = database();
  const session = await auth().api.getSession({ headers });
  const person = session ? { id: session.user.id, name: session.user.name, email: session.user.email } : null;
  return {
    db,
    requestId: newId("req"),
    person,
    membership: async (team) => (person ? findMembership(db, person.id, team) : null),
    display: () => displayBehind(db, headers),
  };
}
