"use client";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { cx } from "@/components/ui/cx";

interface Props {
  /** What a drop does, in words: "Drop an ONNX file to upload it". */
  invitation: string;
  onFiles: (files: File[]) => void;
  children: ReactNode;
}

/** Makes a whole page take files. While files hover over it, it says what a drop would do. */
export function DropTarget({ invitation, onFiles, children }: Props) {
  const [hovering, setHovering] = useState(false);
  // Enter and leave come for each element under the pointer; only their balance says whether it is still over us.
  const depth = useRef(0);
  const latest = useRef(onFiles);
  useEffect(() => {
    latest.current = onFiles;
  });

  useEffect(() => {
    const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const enter = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      depth.current += 1;
      setHovering(true);
    };
    const over = (event: DragEvent) => carriesFiles(event) && event.preventDefault();
    const leave = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      depth.current -= 1;
      if (depth.current <= 0) setHovering(false);
    };
    const drop = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      depth.current = 0;
      setHovering(false);
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length > 0) latest.current(files);
    };
    document.addEventListener("dragenter", enter);
    document.addEventListener("dragover", over);
    document.addEventListener("dragleave", leave);
    document.addEventListener("drop", drop);
    return () => {
      document.removeEventListener("dragenter", enter);
      document.removeEventListener("dragover", over);
      document.removeEventListener("dragleave", leave);
      document.removeEventListener("drop", drop);
    };
  }, []);

  return (
    <>
      {children}
      {hovering && (
        <div className="drop-veil" role="status">
          {invitation}
        </div>
      )}
    </>
  );
}

/** A button-like field that opens the file picker; the keyboard's way to what a drop does. */
export function FilePicker({
  label,
  accept,
  multiple = false,
  look = "primary",
  onFiles,
}: {
  label: string;
  accept: string;
  multiple?: boolean;
  look?: "primary" | "plain";
  onFiles: (files: File[]) => void;
}) {
  return (
    <label className={cx("btn file-picker", look === "primary" && "primary")}>
      {label}
      <input
        type="file"
        accept={accept}
        multiple={multiple}
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])]);
          event.target.value = "";
        }}
      />
    </label>
  );
}
