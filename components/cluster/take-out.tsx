"use client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import Link from "next/link";
import { useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { useMay } from "@/components/trpc/use-may";
import { Button } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/dialog";
import { Skeleton } from "@/components/ui/feedback";
import { Field, Input } from "@/components/ui/field";
import { duration, plural } from "@/components/ui/format";
import type { NodePage } from "./types";

type Wish = "cordon" | "drain";
const ACTS = {
  drain: { title: "Drain", does: "It takes no new work, and what can move goes on elsewhere." },
  cordon: { title: "Cordon", does: "It takes no new work; what runs on it stays until it ends." },
} as const;
const LEAST_REASON = 3;

/** The two ways to take a node out of service, each with what it would do before it is done. */
export function TakeOutButtons({ team, node }: { team: string; node: NodePage }) {
  const may = useMay(team)("node.drain");
  const [wish, setWish] = useState<Wish | null>(null);
  const reason = (asked: Wish) => {
    if (!may) return "It takes an operator or an admin.";
    if (node.isHead) return "The head holds the cluster together.";
    if (node.state === "gone") return "It has left.";
    if (node.wish === "drain") return "It is drained already.";
    return node.wish === asked ? "It is cordoned already." : undefined;
  };
  const [forDrain, forCordon] = [reason("drain"), reason("cordon")];
  return (
    <>
      <Button
        reason={forCordon}
        reasonAt={forCordon === forDrain ? "hidden" : "beside"}
        onClick={() => setWish("cordon")}
      >
        Cordon…
      </Button>
      <Button variant="danger" reason={forDrain} onClick={() => setWish("drain")}>
        Drain…
      </Button>
      {wish && <TakeOutDialog team={team} node={node} wish={wish} onClose={() => setWish(null)} />}
    </>
  );
}

function TakeOutDialog(props: { team: string; node: NodePage; wish: Wish; onClose: () => void }) {
  const { team, node, wish, onClose } = props;
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  const [why, setWhy] = useState("");
  const takeOut = useMutation(trpc.cluster.takeOut.mutationOptions());
  const { title, does } = ACTS[wish];
  const confirm = async () => {
    try {
      await takeOut.mutateAsync({ team, id: node.id, wish, reason: why.trim() });
    } catch (error) {
      const { message, remedy } = readError(error);
      throw new Error(remedy ? `${message} ${remedy}` : message);
    }
    await queryClient.invalidateQueries({ queryKey: trpc.cluster.pathKey() });
  };
  return (
    <ConfirmDialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={`${title} ${node.name}?`}
      confirm={`${title} it`}
      keep="Keep it in service"
      danger={wish === "drain"}
      reason={why.trim().length < LEAST_REASON ? "Say why first." : undefined}
      onConfirm={confirm}
    >
      <div className="col">
        <p>{does} It leaves once nothing runs on it. Ray can't take this back.</p>
        <Preview team={team} node={node} wish={wish} />
        <Field label="Why" hint="in the audit, and in the ledger when it leaves">
          <Input data-first="" value={why} onValueChange={setWhy} maxLength={200} />
        </Field>
      </div>
    </ConfirmDialog>
  );
}

function movesSay(moving: number, all: number): string {
  if (moving === 0) return all === 1 ? "it stays" : "none moves";
  if (moving === all) return all === 1 ? "it moves" : "all move";
  return `${moving} ${moving === 1 ? "moves" : "move"}`;
}

/** What becomes of each thing that runs on it, and when. */
function Preview({ team, node, wish }: { team: string; node: NodePage; wish: Wish }) {
  const trpc = useTRPC();
  const preview = useQuery(trpc.cluster.takeOutPreview.queryOptions({ team, id: node.id }));
  if (preview.isError) return <ProblemCallout problem={readError(preview.error)} />;
  if (!preview.data) return <Skeleton height={40} />;
  const moves = preview.data[wish];
  if (moves.length === 0)
    return (
      <p className="t2">
        {node.cpusUsed + node.gpusUsed > 0
          ? "Nothing of Lathe runs on it, but other work does: it leaves once that ends."
          : "Nothing runs on it: it leaves at once."}
      </p>
    );
  const moving = moves.filter(({ when }) => when !== "stays").length;
  return (
    <>
      <p className="t2">
        {plural(moves.length, "thing runs", "things run")} on it; {movesSay(moving, moves.length)}.
      </p>
      <ul className="moves">
        {moves.map((move) => (
          <li key={`${move.kind}-${move.id}-${move.label}`}>
            {move.path ? (
              <Link className="link" href={`/${team}/${move.path}`}>
                {move.label}
              </Link>
            ) : (
              move.label
            )}
            <span className="t2">
              {move.says}
              {move.endsInSeconds !== null && ` It ends in about ${duration(move.endsInSeconds)}.`}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}
