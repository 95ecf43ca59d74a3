"use client";
import { useMutation, useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useState } from "react";
import { useTail } from "@/components/live/provider";
import { type Outputs, readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { useMay } from "@/components/trpc/use-may";
import { Age } from "@/components/ui/age";
import { Button } from "@/components/ui/button";
import { Field, Input, Textarea } from "@/components/ui/field";
import { bytes, count, plural } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { StatusDot } from "@/components/ui/status";
import { Table } from "@/components/ui/table";
import type { RunDetail } from "./types";

type Tracked = Outputs["runs"]["tracked"];

/** The tag that is a run's note, and those that MLflow's client keeps for itself. */
const NOTE = "mlflow.note.content";
const isOwn = (key: string) => key.startsWith("mlflow.");

/** What a run tracked of itself, and what people note about it. */
export function TrackedPanels({ team, run }: { team: string; run: RunDetail }) {
  const allowed = useMay(team);
  const may = allowed("run.launch");
  const mayUpload = allowed("model.upload");
  const trpc = useTRPC();
  const { data, refetch } = useQuery(trpc.runs.tracked.queryOptions({ team, run: run.number }));
  useTail(run.id, (what) => {
    if (what === "tracked") void refetch();
  });
  if (!data) return null;
  return (
    <>
      {data.params.length > 0 && <Parameters params={data.params} />}
      {data.artifacts.length > 0 && (
        <Artifacts team={team} run={run.number} tracked={data} mayUpload={mayUpload} />
      )}
      <Notes team={team} run={run.number} tracked={data} may={may} />
    </>
  );
}

const noteOf = ({ tags }: Tracked) => tags.find(({ key }) => key === NOTE)?.value ?? "";

/** So many are in sight without searching. */
const MANY = 12;

function Parameters({ params }: { params: Tracked["params"] }) {
  const [typed, setTyped] = useState("");
  const needle = typed.trim().toLowerCase();
  const shown = params.filter(({ key, value }) => `${key} ${value}`.toLowerCase().includes(needle));
  return (
    <Panel
      title="Parameters"
      subtitle={`${count(params.length)} logged`}
      tools={
        params.length > MANY ? (
          <Input aria-label="Search parameters" placeholder="Search" value={typed} onValueChange={setTyped} />
        ) : undefined
      }
    >
      <Table
        label="Parameters"
        tight
        maxHeight={340}
        rows={shown}
        rowKey={({ key }) => key}
        empty={<p className="empty t2">No parameter matches.</p>}
        columns={[
          { key: "key", head: "Name", cell: ({ key }) => key },
          {
            key: "value",
            head: "Value",
            align: "end",
            cell: ({ value }) => (
              <span className="mono clip" title={value}>
                {value}
              </span>
            ),
          },
        ]}
      />
    </Panel>
  );
}

interface ArtifactsProps {
  team: string;
  run: number;
  tracked: Tracked;
  mayUpload: boolean;
}

function Artifacts({ team, run, tracked, mayUpload }: ArtifactsProps) {
  const { artifacts, models } = tracked;
  const total = artifacts.reduce((sum, file) => sum + file.bytes, 0);
  return (
    <Panel title="Artifacts" subtitle={`${plural(artifacts.length, "file")}, ${bytes(total)}`}>
      {models.length > 0 && (
        <ul className="tracked-models">
          {models.map((model) => (
            <li key={model.id} className="row">
              <StatusDot
                state={model.status === "READY" ? "ok" : model.status === "FAILED" ? "bad" : "running"}
              >
                model {model.name}
              </StatusDot>
              <span className="t3 grow">{model.modelType}</span>
              <span className="t3">
                <Age at={model.createdAt.getTime()} form="ago" />
              </span>
            </li>
          ))}
        </ul>
      )}
      <Table
        label="Artifacts"
        tight
        maxHeight={260}
        rows={artifacts}
        rowKey={({ path }) => path}
        columns={[
          {
            key: "path",
            head: "Path",
            cell: ({ path }) => (
              <a
                className="clip"
                title={path}
                href={`/api/runs/${team}/${run}/artifacts/${path.split("/").map(encodeURIComponent).join("/")}`}
                download
              >
                {path}
              </a>
            ),
          },
          {
            key: "version",
            head: <span className="sr-only">Version</span>,
            align: "end",
            width: "130px",
            cell: ({ path, version }) =>
              version ? (
                <Link className="link" href={`/${team}/models/${version.model}/v/${version.number}`}>
                  {version.model} v{version.number}
                </Link>
              ) : path.endsWith(".onnx") && mayUpload ? (
                <Link
                  className="link"
                  href={`/${team}/models?run=${run}&artifact=${encodeURIComponent(path)}`}
                >
                  Make a version…
                </Link>
              ) : null,
          },
          { key: "bytes", head: "Size", align: "end", width: "80px", cell: (file) => bytes(file.bytes) },
        ]}
      />
    </Panel>
  );
}

interface NotesProps {
  team: string;
  run: number;
  tracked: Tracked;
  may: boolean;
}

/** A note in words, and tags as name and value. */
function Notes({ team, run, tracked, may }: NotesProps) {
  const note = noteOf(tracked);
  const tags = tracked.tags.filter(({ key }) => !isOwn(key));
  if (!may && note === "" && tags.length === 0) return null;
  return (
    <Panel title="Note and tags" padded>
      <div className="col">
        {may ? (
          <NoteField key={note} team={team} run={run} saved={note} />
        ) : (
          note && <p className="wrap">{note}</p>
        )}
        <Tags team={team} run={run} tags={tags} may={may} />
      </div>
    </Panel>
  );
}

/** Begins again with what is kept, whoever wrote it. */
function NoteField({ team, run, saved }: { team: string; run: number; saved: string }) {
  const trpc = useTRPC();
  const [note, setNote] = useState(saved);
  const put = useMutation(trpc.runs.setTag.mutationOptions());
  const drop = useMutation(trpc.runs.deleteTag.mutationOptions());
  const problem = put.error ?? drop.error;
  const save = () => {
    if (note === saved) return;
    if (note === "") drop.mutate({ team, run, key: NOTE });
    else put.mutate({ team, run, key: NOTE, value: note });
  };
  return (
    <>
      <Field label="Note" hint={note === saved ? undefined : "kept when you leave the field"}>
        <Textarea value={note} onValueChange={setNote} onBlur={save} rows={2} />
      </Field>
      {problem && <ProblemCallout problem={readError(problem)} />}
    </>
  );
}

interface TagsProps {
  team: string;
  run: number;
  tags: Tracked["tags"];
  may: boolean;
}

function Tags({ team, run, tags, may }: TagsProps) {
  const trpc = useTRPC();
  const [tag, setTag] = useState("");
  const put = useMutation(trpc.runs.setTag.mutationOptions());
  const drop = useMutation(trpc.runs.deleteTag.mutationOptions());
  const problem = put.error ?? drop.error;
  const add = () => {
    const [key = "", ...value] = tag.split("=");
    if (key.trim() === "") return;
    put.mutate(
      { team, run, key: key.trim(), value: value.join("=").trim() },
      { onSuccess: () => setTag("") },
    );
  };
  return (
    <>
      {tags.length > 0 && (
        <ul className="run-tags" aria-label="Tags">
          {tags.map(({ key, value }) => (
            <li key={key} className="tag">
              <span className="t2">{key}</span> {value}
              {may && (
                <Button
                  size="sm"
                  variant="ghost"
                  aria-label={`Remove the tag ${key}`}
                  onClick={() => drop.mutate({ team, run, key })}
                >
                  ×
                </Button>
              )}
            </li>
          ))}
        </ul>
      )}
      {may && (
        <form
          className="row"
          onSubmit={(event) => {
            event.preventDefault();
            add();
          }}
        >
          <Input
            aria-label="New tag"
            placeholder="name=value"
            value={tag}
            onValueChange={setTag}
            className="grow"
          />
          <Button type="submit" size="sm">
            Add tag
          </Button>
        </form>
      )}
      {problem && <ProblemCallout problem={readError(problem)} />}
    </>
  );
}
