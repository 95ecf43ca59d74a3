import Link from "next/link";
import { Panel } from "@/components/ui/panel";
import type { Overview } from "./types";

/** Who waits for whom. */
export function WaitingPanel({ team, overview: { waiting } }: { team: string; overview: Overview }) {
  return (
    <Panel title="Waiting for someone">
      {waiting.length === 0 ? (
        <p className="feed-none t3">Nobody waits for an approval.</p>
      ) : (
        <ul className="feed">
          {waiting.map((request) => (
            <li key={request.number} className="with-link">
              <span>
                <b>
                  {request.model} v{request.version} to {request.environment}
                </b>
                <br />
                <span className="t2">
                  {request.state === "measuring"
                    ? `asked for by ${request.requestedBy}; it is being measured`
                    : `asked for by ${request.requestedBy}; ${request.gatesPassed} of ${request.gates} gates pass`}
                </span>
              </span>
              <Link className="link" href={`/${team}/releases/requests/${request.number}`}>
                Open
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
