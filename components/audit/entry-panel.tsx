"use client";
import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { TextAction } from "@/components/ui/button";
import { CopyButton } from "@/components/ui/digest";
import { Skeleton } from "@/components/ui/feedback";
import { count, datetime, plural, shortDigest } from "@/components/ui/format";
import { DefinitionList, Panel } from "@/components/ui/panel";
import { StatusDot } from "@/components/ui/status";
import { actorWords, changesOf } from "./words";

interface Props {
  team: string;
  seq: number | null;
  onTarget: (target: string) => void;
}

/** One entry: its sentence, what it changed, and its place in the chain. */
export function EntryPanel({ team, seq, onTarget }: Props) {
  const trpc = useTRPC();
  const { data: entry, error } = useQuery(
    trpc.audit.entry.queryOptions({ team, seq: seq ?? 1 }, { enabled: seq !== null }),
  );
  if (seq === null) return null;
  if (error) {
    return (
      <Panel title={`Entry ${count(seq)}`}>
        <QueryError error={error} remedy="Choose another entry." />
      </Panel>
    );
  }
  if (!entry) {
    return (
      <Panel title={`Entry ${count(seq)}`} padded>
        <Skeleton />
      </Panel>
    );
  }
  const { changed, equal } = changesOf(entry.before, entry.after);
  return (
    <Panel
      title={`Entry ${count(entry.seq)}`}
      subtitle={
        <StatusDot state={entry.isIntact ? "ok" : "bad"}>
          {entry.isIntact ? "hash matches" : "hash does not match"}
        </StatusDot>
      }
      tools={<CopyButton text={entry.hash} label="hash" />}
    >
      <div>
        <p className="entry-title">
          {actorWords(entry)}: {entry.summary}
        </p>
        <p className="t2 px-4 pb-3">{datetime(entry.createdAt.getTime())}</p>
        {changed.length > 0 && (
          <table className="entry-changes" aria-label="What changed">
            <thead>
              <tr>
                <th scope="col">Changed</th>
                <th scope="col">Before</th>
                <th scope="col">After</th>
              </tr>
            </thead>
            <tbody>
              {changed.map((field) => (
                <tr key={field.name}>
                  <td className="t2">{field.name}</td>
                  <td>{field.before}</td>
                  <td className="now">{field.after}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        {equal > 0 && <p className="t2 s12 px-4 py-2">{plural(equal, "field")} equal</p>}
        <div className="body">
          <DefinitionList
            items={[
              ["Actor", `${actorWords(entry)}${entry.actorKind === "system" ? ", no person" : ""}`],
              [
                "About",
                <TextAction key="about" onClick={() => onTarget(entry.targetId)}>
                  {entry.targetKind} {entry.targetId}
                </TextAction>,
              ],
              [
                "Request",
                <span key="request" className="mono">
                  {entry.requestId ?? "none"}
                </span>,
              ],
            ]}
          />
        </div>
        <div className="chain-rows s12">
          <Link words={entry.seq - 1} hash={entry.previous ?? entry.previousHash} />
          <Link
            words={entry.seq}
            hash={entry.hash}
            own={`= sha256 of ${shortDigest(entry.previousHash)} and this entry`}
          />
          {entry.following && <Link words={entry.seq + 1} hash={entry.following} />}
        </div>
      </div>
    </Panel>
  );
}

function Link({ words, hash, own }: { words: number; hash: string; own?: string }) {
  return (
    <>
      <StatusDot state={own ? "ok" : "off"}>
        <span className="sr-only">{own ? "this entry" : "neighbour"}</span>
      </StatusDot>
      <span className={own ? "m" : "t2"}>{words === 0 ? "start" : count(words)}</span>
      <span>
        <span className="digest">{shortDigest(hash)}</span> {own}
      </span>
    </>
  );
}
