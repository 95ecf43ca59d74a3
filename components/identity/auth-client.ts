/** Sign-in and sign-out; accounts themselves are made by link only. */
import { createAuthClient } from "better-auth/react";

const client = createAuthClient();

/** @returns null when it worked, else what to tell the person */
export async function signIn(email: string, password: string): Promise<string | null> {
  const { error } = await client.signIn.email({ email, password });
  if (!error) return null;
  if (error.status === 429) return "Too many tries. Wait a minute, then try again.";
  if (error.status === 401) return "Wrong e-mail or password.";
  return error.message ?? "The server can't be reached. Try again.";
}

export const signOut = async (): Promise<void> => {
  await client.signOut();
};
