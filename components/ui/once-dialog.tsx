"use client";
import type { ReactNode } from "react";
import { Button } from "./button";
import { Dialog } from "./dialog";
import { Snippet } from "./digest";

interface Props {
  open: boolean;
  onClose: () => void;
  title: string;
  /** What is asked for before it is made. */
  children: ReactNode;
  /** The button that makes it. */
  make: ReactNode;
  /** What was made, with what to do with it; it is not shown again. */
  made: { says: ReactNode; text: string; label: string } | undefined;
}

/** Makes what is shown once: a form, and then the secret to copy. */
export function OnceDialog({ open, onClose, title, children, make, made }: Props) {
  return (
    <Dialog
      open={open}
      onOpenChange={(next) => !next && onClose()}
      title={title}
      footer={
        made ? (
          <Button variant="primary" onClick={onClose}>
            Done
          </Button>
        ) : (
          <>
            <Button onClick={onClose}>Cancel</Button>
            {make}
          </>
        )
      }
    >
      {made ? (
        <div className="col">
          <p>{made.says}</p>
          <Snippet text={made.text} label={made.label} />
        </div>
      ) : (
        children
      )}
    </Dialog>
  );
}
