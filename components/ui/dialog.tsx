"use client";

import { AlertDialog } from "@base-ui/react/alert-dialog";
import { Dialog as Base } from "@base-ui/react/dialog";
import { type FormEvent, type ReactNode, type RefObject, useId, useRef, useState } from "react";
import { Button, IconButton } from "./button";
import { Callout } from "./feedback";

type DialogProps = {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  children: ReactNode;
  /** Buttons, the primary one last. */
  footer?: ReactNode;
  width?: number | undefined;
};

/**
 * Where focus goes when it opens: to what is marked with `data-first`, else to the first that takes it. `autoFocus` would
 * take it before the dialog has seen where it was, so that it could not be given back.
 */
const firstOf = (popup: RefObject<HTMLElement | null>) => () =>
  popup.current?.querySelector<HTMLElement>("[data-first]") ?? true;

/** A small form or question over the page. Esc and a press outside close it. */
export function Dialog({ open, onOpenChange, title, children, footer, width = 440 }: DialogProps) {
  const popup = useRef<HTMLDivElement>(null);
  return (
    <Base.Root open={open} onOpenChange={(next) => onOpenChange(next)}>
      <Base.Portal>
        <Base.Backdrop className="scrim" />
        <Base.Popup ref={popup} initialFocus={firstOf(popup)} className="pop dialog" style={{ width }}>
          <Base.Title render={<header />}>{title}</Base.Title>
          <div className="body">{children}</div>
          {footer && <footer>{footer}</footer>}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

type ConfirmDialogProps = {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** The question: "Roll production back to v5?" */
  title: string;
  /** One sentence with numbers that tells what will happen. */
  children: ReactNode;
  /** The act and its opposite, as verbs: "Roll back", "Keep v7". */
  confirm: string;
  keep: string;
  danger?: boolean | undefined;
  /** Does it. The dialog stays open meanwhile, closes when it is done, and shows the message of a failure. */
  onConfirm: () => Promise<unknown> | undefined;
  /** Why it cannot be confirmed now. */
  reason?: ReactNode;
};

/** One deliberate act before something destructive or public: its button, or Enter in a field. Only its two buttons and Esc close it. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { open, onOpenChange, title, children, confirm, keep, danger, onConfirm, reason } = props;
  const form = useId();
  const popup = useRef<HTMLDivElement>(null);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();
  const act = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFailure(undefined);
    try {
      await onConfirm();
      onOpenChange(false);
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  const change = (next: boolean) => {
    if (busy) return;
    setFailure(undefined);
    onOpenChange(next);
  };
  return (
    <AlertDialog.Root open={open} onOpenChange={change}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="scrim" />
        <AlertDialog.Popup ref={popup} initialFocus={firstOf(popup)} className="pop dialog">
          <AlertDialog.Title render={<header />}>{title}</AlertDialog.Title>
          <AlertDialog.Description render={<form id={form} onSubmit={act} />} className="body">
            {children}
          </AlertDialog.Description>
          {failure && (
            <div className="body">
              <Callout state="bad">{failure}</Callout>
            </div>
          )}
          <footer>
            <Button onClick={() => change(false)}>{keep}</Button>
            <Button
              variant={danger ? "danger-fill" : "primary"}
              type="submit"
              form={form}
              reason={reason}
              busy={busy ? `${confirm}…` : undefined}
            >
              {confirm}
            </Button>
          </footer>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}

/** A quick look at the right edge; the page stays in sight. What needs an address of its own is a page instead. */
export function Sheet({
  open,
  onOpenChange,
  title,
  state,
  children,
  footer,
  width = 520,
}: DialogProps & { state?: ReactNode }) {
  const popup = useRef<HTMLDivElement>(null);
  return (
    <Base.Root open={open} onOpenChange={(next) => onOpenChange(next)}>
      <Base.Portal>
        <Base.Backdrop className="scrim" />
        <Base.Popup ref={popup} initialFocus={firstOf(popup)} className="sheet" style={{ width }}>
          <header>
            <Base.Title>{title}</Base.Title>
            {state}
            <span className="grow" />
            <IconButton icon="close" label="Close" onClick={() => onOpenChange(false)} />
          </header>
          <div className="sheet-body">{children}</div>
          {footer && <footer>{footer}</footer>}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
