"use client";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/field";

/** From one run to its comparison with another, named by its number. */
export function CompareField({ team, run }: { team: string; run: number }) {
  const router = useRouter();
  const [typed, setTyped] = useState("");
  const other = Number(typed.trim().replace(/^#/, ""));
  const isOther = Number.isInteger(other) && other > 0 && other !== run;
  return (
    <form
      className="row compare-with"
      onSubmit={(event) => {
        event.preventDefault();
        if (isOther) router.push(`/${team}/training/compare?runs=${run},${other}`);
      }}
    >
      <Input
        aria-label="Compare with run"
        placeholder="With run…"
        inputMode="numeric"
        value={typed}
        onValueChange={setTyped}
      />
      <Button
        type="submit"
        size="sm"
        reason={isOther ? undefined : "Type the number of another run."}
        reasonAt="hidden"
      >
        Compare
      </Button>
    </form>
  );
}
