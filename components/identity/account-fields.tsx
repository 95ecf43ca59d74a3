import type { ReadableError } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { Field, Input } from "@/components/ui/field";

/** Who one is, for the first admin and for whoever comes by invite; what was refused stands at its field. */
export function AccountFields({ problem }: { problem: ReadableError | null }) {
  return (
    <>
      {problem && Object.keys(problem.fields).length === 0 && <ProblemCallout problem={problem} />}
      <Field label="Your name" error={problem?.fields.name}>
        <Input name="name" autoComplete="name" required autoFocus />
      </Field>
      <Field label="E-mail" error={problem?.fields.email}>
        <Input name="email" type="email" autoComplete="username" required />
      </Field>
      <Field label="Password" hint="At least 10 characters" error={problem?.fields.password}>
        <Input name="password" type="password" autoComplete="new-password" minLength={10} required />
      </Field>
    </>
  );
}
