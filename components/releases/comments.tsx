"use client";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { type Outputs, readError, useTRPC } from "@/components/trpc/client";
import { useMay } from "@/components/trpc/use-may";
import { Age } from "@/components/ui/age";
import { Button, TextAction } from "@/components/ui/button";
import { useNow } from "@/components/ui/clock";
import { Field, Textarea } from "@/components/ui/field";
import { plural } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";

type Comment = Outputs["releases"]["comments"]["list"][number];

/** What people say beside the evidence, oldest first. */
export function Comments({ team, number }: { team: string; number: number }) {
  const trpc = useTRPC();
  const may = useMay(team);
  const { data: comments = [] } = useQuery(trpc.releases.comments.list.queryOptions({ team, number }));
  const [body, setBody] = useState("");
  const add = useMutation(trpc.releases.comments.add.mutationOptions({ onSuccess: () => setBody("") }));
  const problem = add.error && readError(add.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate({ team, number, body });
  };
  return (
    <Panel title="Comments" subtitle={comments.length > 0 ? plural(comments.length, "comment") : undefined}>
      <ul className="comments" aria-label="Comments" aria-live="polite">
        {comments.map((comment) => (
          <CommentRow key={comment.id} team={team} comment={comment} />
        ))}
      </ul>
      {may("release.comment") && (
        <form className="comment-form" onSubmit={submit}>
          <Field label="Comment" error={problem?.fields.body ?? problem?.message}>
            <Textarea value={body} onValueChange={setBody} rows={2} maxLength={4000} />
          </Field>
          <Button
            size="lg"
            type="submit"
            busy={add.isPending ? "Posting…" : undefined}
            reason={body.trim() === "" ? "Write something first." : undefined}
            reasonAt="hidden"
          >
            Comment
          </Button>
        </form>
      )}
    </Panel>
  );
}

function CommentRow({ team, comment }: { team: string; comment: Comment }) {
  const trpc = useTRPC();
  const now = useNow();
  const remove = useMutation(trpc.releases.comments.delete.mutationOptions());
  const isDeletable =
    now !== null && comment.deletableUntil !== null && now < comment.deletableUntil.getTime();
  return (
    <li>
      <div className="row s12 t2">
        <b>{comment.by}</b>
        {comment.isRequester && <span>requester</span>}
        <span className="grow" />
        {isDeletable && (
          <TextAction
            disabled={remove.isPending}
            onClick={() => remove.mutate({ team, commentId: comment.id })}
          >
            Delete
          </TextAction>
        )}
        <Age at={comment.at.getTime()} form="ago" />
      </div>
      {comment.deletedAt ? <p className="t3">deleted by its author</p> : <p>{comment.body}</p>}
    </li>
  );
}
