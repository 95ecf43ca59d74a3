"use client";
import Link from "next/link";
import { useRouter, useSearchParams } from "next/navigation";
import { useMay } from "@/components/trpc/use-may";
import { Sheet } from "@/components/ui/dialog";
import { Callout } from "@/components/ui/feedback";
import { VersionForm } from "./version-form";

/** Makes a version of a file that a run logged. The address names both: `?run=7&artifact=model.onnx`. */
export function ArtifactSheet({ team }: { team: string }) {
  const router = useRouter();
  const params = useSearchParams();
  const may = useMay(team);
  const run = Number(params.get("run"));
  const path = params.get("artifact") ?? "";
  const isAsked = Number.isInteger(run) && run > 0 && path !== "";
  return (
    <Sheet
      open={isAsked}
      onOpenChange={(open) => !open && router.replace(`/${team}/models`)}
      title="Make a version"
    >
      {isAsked && (
        <div className="body col">
          <p>
            <b className="m">{path}</b>, as{" "}
            <Link className="link" href={`/${team}/training/${run}`}>
              run {run}
            </Link>{" "}
            logged it. It is opened in the sandbox first, like any upload.
          </p>
          {may("model.upload") ? (
            <VersionForm team={team} filename={path.split("/").at(-1) ?? path} source={{ run, path }} />
          ) : (
            <Callout state="warning">Making versions needs the role engineer.</Callout>
          )}
        </div>
      )}
    </Sheet>
  );
}
