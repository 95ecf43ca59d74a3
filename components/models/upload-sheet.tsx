"use client";
import { useEffect } from "react";
import { Sheet } from "@/components/ui/dialog";
import { UploadProgress } from "@/components/uploads/upload-progress";
import { useUpload } from "@/components/uploads/use-upload";
import { VersionForm } from "./version-form";

interface Props {
  team: string;
  file: File | null;
  /** Uploads as the next version of this model, without asking which. */
  modelId?: string | undefined;
  onClose: () => void;
}

/** Takes a file on its way, and meanwhile asks what it is. */
export function UploadSheet({ team, file, modelId, onClose }: Props) {
  const upload = useUpload(team, "model");
  const { start, cancel } = upload;
  useEffect(() => {
    if (file) start(file);
  }, [file, start]);
  const close = () => {
    if (upload.state.is !== "done") cancel();
    onClose();
  };
  return (
    <Sheet open={file !== null} onOpenChange={(open) => !open && close()} title="Upload a model">
      {file && (
        <div className="body col">
          <div>
            <b className="m">{file.name}</b>
          </div>
          <UploadProgress upload={upload} />
          <VersionForm
            key={file.name}
            team={team}
            filename={file.name}
            modelId={modelId}
            source={upload.state.is === "done" ? { uploadId: upload.state.uploadId } : null}
          />
        </div>
      )}
    </Sheet>
  );
}
