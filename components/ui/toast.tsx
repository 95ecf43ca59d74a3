"use client";

import { Toast } from "@base-ui/react/toast";
import { type ReactNode, useCallback } from "react";
import { type State, StateShape } from "./shape";

export type ToastMessage = {
  state: Extract<State, "ok" | "bad" | "warning" | "stale" | "running">;
  /** What happened: "v5 serves production." */
  title: string;
  /** The figure that goes with it: "Took 191 ms." */
  detail?: string | undefined;
  action?: { label: string; onPress: () => void } | undefined;
};

type ToastData = { state: ToastMessage["state"] };

/** Shows what came of an act, politely. A failure stays until it is closed; the rest leaves after 6 s. */
export function useToast(): (message: ToastMessage) => void {
  const { add } = Toast.useToastManager<ToastData>();
  return useCallback(
    ({ state, title, detail, action }: ToastMessage) => {
      add({
        title,
        description: detail,
        timeout: state === "bad" ? 0 : 6000,
        priority: "low",
        data: { state },
        ...(action && { actionProps: { children: action.label, onClick: action.onPress } }),
      });
    },
    [add],
  );
}

function ToastList() {
  const { toasts } = Toast.useToastManager<ToastData>();
  return toasts.map((toast) => (
    <Toast.Root key={toast.id} toast={toast} className="pop toast" swipeDirection="right">
      <StateShape state={toast.data?.state ?? "ok"} />
      <Toast.Content className="grow">
        <Toast.Title render={<b className="m" />} /> <Toast.Description render={<span className="t2" />} />
      </Toast.Content>
      <Toast.Action className="link" />
      <Toast.Close className="dots" aria-label="Close">
        <svg className="i" viewBox="0 0 16 16" aria-hidden="true">
          <path d="m4 4 8 8M12 4l-8 8" />
        </svg>
      </Toast.Close>
    </Toast.Root>
  ));
}

/** Gives a tree its toasts; `AppFrame` brings one. */
export function ToastProvider({ children }: { children: ReactNode }) {
  return (
    <Toast.Provider limit={4}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className="toasts">
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}
