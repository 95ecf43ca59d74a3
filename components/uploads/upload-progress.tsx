"use client";
import { Button } from "@/components/ui/button";
import { Callout } from "@/components/ui/feedback";
import { bytes, bytesPerSecond } from "@/components/ui/format";
import { Progress } from "@/components/ui/progress";
import { StatusDot } from "@/components/ui/status";
import type { useUpload } from "./use-upload";

/** How one file travels: percent, speed and time left, and what can be done about it. */
export function UploadProgress({
  upload: { state, start, pause, resume, cancel },
}: {
  upload: ReturnType<typeof useUpload>;
}) {
  if (state.is === "idle") return null;
  if (state.is === "done") {
    return (
      <StatusDot state="ok">
        {state.file.name}: {bytes(state.file.size)} received, hash verified on the server’s disk
      </StatusDot>
    );
  }
  if (state.is === "refused") {
    return (
      <Callout
        state="bad"
        actions={
          <Button size="sm" onClick={() => start(state.file)}>
            Try again
          </Button>
        }
      >
        <b className="m">{state.file.name} was not taken.</b> {state.message}
      </Callout>
    );
  }
  const { file, sent, resumedAt, ...speed } = state.progress;
  const waiting = {
    sending: undefined,
    paused: `paused at ${bytes(sent)}`,
    waiting: `the connection is lost; ${bytes(sent)} are kept, trying again`,
  }[state.is];
  return (
    <div className="col">
      <Progress
        label={`Upload of ${file.name}`}
        value={file.size === 0 ? 0 : sent / file.size}
        step={`${bytes(sent)} of ${bytes(file.size)}${
          speed.bytesPerSecond === null ? "" : `, ${bytesPerSecond(speed.bytesPerSecond)}`
        }${resumedAt > 0 ? `, resumed at ${bytes(resumedAt)}` : ""}`}
        etaSeconds={state.is === "sending" ? speed.secondsLeft : null}
        waiting={waiting}
      />
      <div className="row">
        {state.is === "sending" ? (
          <Button size="sm" onClick={pause}>
            Pause
          </Button>
        ) : (
          <Button size="sm" onClick={resume}>
            Resume
          </Button>
        )}
        <Button size="sm" variant="ghost" onClick={cancel}>
          Cancel the upload
        </Button>
      </div>
    </div>
  );
}
