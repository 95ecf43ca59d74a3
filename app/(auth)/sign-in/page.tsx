import type { Metadata } from "next";
import { redirect } from "next/navigation";
import { NoAdminYet } from "@/components/identity/no-admin-yet";
import { SignInForm } from "@/components/identity/sign-in-form";
import { needsFirstAdmin } from "@/server/identity/service";
import { context } from "@/server/prefetch";

export const metadata: Metadata = { title: "Sign in" };

export default async function SignIn() {
  const { db, person } = await context();
  if (person) redirect("/");
  return (await needsFirstAdmin(db)) ? <NoAdminYet /> : <SignInForm />;
}
