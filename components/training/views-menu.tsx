"use client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { Menu } from "@/components/ui/menu";
import { useToast } from "@/components/ui/toast";

interface Shown {
  query: string;
  hiddenColumns: readonly string[];
}

interface Props {
  team: string;
  /** What the list shows now. */
  shown: Shown;
  onChoose: (view: Shown) => void;
}

const isSame = (a: Shown, b: Shown): boolean =>
  a.query === b.query && a.hiddenColumns.toSorted().join() === b.hiddenColumns.toSorted().join();

/** Filters and columns under names: chosen, kept and removed. Only the person who keeps one sees it. */
export function ViewsMenu({ team, shown, onChoose }: Props) {
  const trpc = useTRPC();
  const cache = useQueryClient();
  const toast = useToast();
  const [isNaming, setNaming] = useState(false);
  const kept = trpc.runs.views.queryOptions({ team });
  const { queryKey } = kept;
  const { data: views = [] } = useQuery(kept);
  const remove = useMutation(
    trpc.runs.removeView.mutationOptions({
      onMutate: ({ id }) => {
        cache.setQueryData(queryKey, (before) => before?.filter((view) => view.id !== id));
      },
      onSettled: () => cache.invalidateQueries({ queryKey }),
      onError: (error) => {
        const { message, remedy } = readError(error);
        toast({
          state: "bad",
          title: "The view was not removed.",
          detail: [message, remedy].filter(Boolean).join(" "),
        });
      },
    }),
  );
  const current = views.find((view) => isSame(view, shown));
  return (
    <>
      <Menu
        label={current ? `Views: ${current.name}` : "Views"}
        trigger={<Button size="sm">{current?.name ?? "Views"} ▾</Button>}
        groups={[
          ...(views.length > 0
            ? [
                {
                  label: "Views of yours",
                  items: views.map((view) => ({
                    label: view.name,
                    checked: view === current,
                    onPress: () => onChoose(view),
                  })),
                },
              ]
            : []),
          {
            items: [
              {
                label: "Keep this view…",
                onPress: () => setNaming(true),
                reason: current ? `It is kept as ${current.name}.` : undefined,
              },
              ...(current
                ? [
                    {
                      label: `Remove ${current.name}`,
                      danger: true,
                      onPress: () => remove.mutate({ team, id: current.id }),
                    },
                  ]
                : []),
            ],
          },
        ]}
      />
      <NameDialog
        key={String(isNaming)}
        team={team}
        shown={shown}
        taken={views.map(({ name }) => name)}
        open={isNaming}
        onClose={() => setNaming(false)}
      />
    </>
  );
}

interface NameProps {
  team: string;
  shown: Shown;
  taken: readonly string[];
  open: boolean;
  onClose: () => void;
}

function NameDialog({ team, shown, taken, open, onClose }: NameProps) {
  const trpc = useTRPC();
  const cache = useQueryClient();
  const [name, setName] = useState("");
  const save = useMutation(
    trpc.runs.saveView.mutationOptions({
      onSuccess: async () => {
        await cache.invalidateQueries({ queryKey: trpc.runs.views.queryOptions({ team }).queryKey });
        onClose();
      },
    }),
  );
  const asked = name.trim();
  const reason = asked ? undefined : "Give it a name.";
  return (
    <Dialog
      open={open}
      onOpenChange={(next) => !next && onClose()}
      title="Keep this view"
      footer={
        <Button
          type="submit"
          form="view-name"
          variant="primary"
          reason={reason}
          busy={save.isPending ? "Keeping…" : undefined}
        >
          Keep
        </Button>
      }
    >
      <form
        id="view-name"
        className="col"
        onSubmit={(event) => {
          event.preventDefault();
          if (reason) return;
          save.mutate({ team, name: asked, query: shown.query, hiddenColumns: [...shown.hiddenColumns] });
        }}
      >
        <Field
          label="Name"
          hint={
            taken.includes(asked)
              ? "Takes the place of the view of this name"
              : "Filters and columns; only you see it"
          }
        >
          <Input value={name} onValueChange={setName} autoComplete="off" maxLength={60} />
        </Field>
        {save.error && <ProblemCallout problem={readError(save.error)} />}
      </form>
    </Dialog>
  );
}
