"use client";
/** One resumable upload of a file: state, percent, speed and time left, with pause, resume and cancel. */
import { useCallback, useEffect, useRef, useState } from "react";
import { DetailedError, Upload } from "tus-js-client";
import { UPLOADS_PATH, UploadError, type UploadPurpose } from "@/server/platform/uploads/contract";
import { remember, type Sample, secondsLeft, speedOf } from "./upload-speed";

export type UploadState =
  | { is: "idle" }
  | { is: "sending" | "paused" | "waiting"; progress: UploadProgress }
  | { is: "done"; uploadId: string; file: File; seconds: number }
  | { is: "refused"; message: string; file: File };

export interface UploadProgress {
  file: File;
  sent: number;
  bytesPerSecond: number | null;
  secondsLeft: number | null;
  /** Bytes that an earlier try had sent already. */
  resumedAt: number;
}

/** Large enough to be quick, small enough that little is sent twice after a break. */
const PART_BYTES = 16 * 1024 * 1024;
const RETRY_MS = [0, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000, 30_000];

/** The same bytes for the same purpose resume each other, also after a reload or in another tab. */
const fingerprint =
  (team: string, purpose: UploadPurpose) => (file: { name?: string; size?: number | null }) =>
    Promise.resolve(
      ["lathe", team, purpose, file.name, file.size, "lastModified" in file ? file.lastModified : ""].join(
        ":",
      ),
    );

const idOf = (url: string | null): string => url?.split("/").at(-1) ?? "";

export function useUpload(team: string, purpose: UploadPurpose) {
  const [state, setState] = useState<UploadState>({ is: "idle" });
  const current = useRef<Upload | null>(null);

  useEffect(() => () => void current.current?.abort(), []);

  const start = useCallback(
    (file: File) => {
      void current.current?.abort();
      const startedAt = performance.now();
      let samples: Sample[] = [];
      let resumedAt = 0;
      const progressAt = (sent: number): UploadProgress => ({
        file,
        sent,
        bytesPerSecond: speedOf(samples),
        secondsLeft: secondsLeft(samples, file.size),
        resumedAt,
      });
      const upload = new Upload(file, {
        endpoint: UPLOADS_PATH,
        chunkSize: PART_BYTES,
        retryDelays: RETRY_MS,
        metadata: { team, purpose, filename: file.name },
        fingerprint: fingerprint(team, purpose),
        removeFingerprintOnSuccess: true,
        onProgress: (sent) => {
          if (samples.length === 0) resumedAt = sent;
          samples = remember(samples, { at: performance.now(), bytes: sent });
          setState({ is: "sending", progress: progressAt(sent) });
        },
        onShouldRetry: (error) => {
          const status = error.originalResponse?.getStatus() ?? 0;
          const again = status === 0 || status >= 500 || status === 409 || status === 423;
          if (again) setState({ is: "waiting", progress: progressAt(samples.at(-1)?.bytes ?? 0) });
          return again;
        },
        onError: (error) => setState({ is: "refused", message: inWords(error), file }),
        onSuccess: () =>
          setState({
            is: "done",
            uploadId: idOf(upload.url),
            file,
            seconds: (performance.now() - startedAt) / 1000,
          }),
      });
      current.current = upload;
      setState({ is: "sending", progress: progressAt(0) });
      void upload.findPreviousUploads().then(([previous]) => {
        if (current.current !== upload) return;
        if (previous) upload.resumeFromPreviousUpload(previous);
        upload.start();
      });
    },
    [team, purpose],
  );

  const pause = useCallback(() => {
    void current.current?.abort();
    setState((s) => ("progress" in s ? { is: "paused", progress: s.progress } : s));
  }, []);
  const resume = useCallback(() => {
    current.current?.start();
    setState((s) => ("progress" in s ? { is: "sending", progress: s.progress } : s));
  }, []);
  /** Ends it and lets the server forget what it has. */
  const cancel = useCallback(() => {
    const upload = current.current;
    current.current = null;
    setState({ is: "idle" });
    // What can't be deleted now is unfinished, and the server keeps no unfinished upload for long.
    void upload?.abort(true).catch(() => {});
  }, []);

  // A connection that came back needs no more waiting.
  useEffect(() => {
    const online = () => state.is === "waiting" && resume();
    window.addEventListener("online", online);
    return () => window.removeEventListener("online", online);
  }, [state.is, resume]);

  return { state, start, pause, resume, cancel };
}

/** What the server said, or what a lost connection means. */
function inWords(error: Error | DetailedError): string {
  if (error instanceof DetailedError) {
    const body = error.originalResponse?.getBody();
    try {
      return UploadError.parse(JSON.parse(body ?? "")).error.message;
    } catch {
      const status = error.originalResponse?.getStatus();
      if (status) return `The server answered ${status}${body ? `: ${body.trim()}` : ""}. Try again.`;
    }
  }
  return "The server can't be reached. What was sent is kept; try again to go on from there.";
}
