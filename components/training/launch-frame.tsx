import type { ReactNode } from "react";

/** The form of a launch: what to run at the left, its consequence at the right; sent with ⌘↵ from anywhere in it. */
export function LaunchFrame({ onSubmit, children }: { onSubmit: () => void; children: ReactNode }) {
  return (
    <form
      className="launch"
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) onSubmit();
      }}
    >
      {children}
    </form>
  );
}
