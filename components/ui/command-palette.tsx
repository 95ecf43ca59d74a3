"use client";

import { Dialog } from "@base-ui/react/dialog";
import { useRouter } from "next/navigation";
import { type KeyboardEvent, useDeferredValue, useEffect, useId, useMemo, useRef, useState } from "react";
import { type Command, useAllCommands } from "./commands";
import { cx } from "./cx";
import { fuzzyScore } from "./fuzzy";
import { KeyHint } from "./key-hint";

type PaletteProps = {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** Tells the owner what is typed, so that it can offer what only the server knows (models, runs). */
  onQueryChange?: ((query: string) => void) | undefined;
  /** Whether the owner is still looking. */
  isSearching?: boolean | undefined;
};

const SHOWN_AT_MOST = 50;

/** Groups stand in the order of their best hit; within a group the best hit is first. */
function matching(
  commands: readonly Command[],
  query: string,
): readonly (readonly [string, readonly Command[]])[] {
  const hits = commands
    .map((command) => ({ command, score: fuzzyScore(query, `${command.label} ${command.keywords ?? ""}`) }))
    .filter((hit): hit is { command: Command; score: number } => hit.score !== null);
  if (query.trim()) hits.sort((a, b) => b.score - a.score);
  const groups = new Map<string, Command[]>();
  for (const { command } of hits.slice(0, SHOWN_AT_MOST)) {
    const group = groups.get(command.group) ?? [];
    group.push(command);
    groups.set(command.group, group);
  }
  return [...groups];
}

/** ⌘K: every page, model, run and action that the pages registered with `useCommands`. */
export function CommandPalette({ open, onOpenChange, onQueryChange, isSearching }: PaletteProps) {
  return (
    <Dialog.Root open={open} onOpenChange={(next) => onOpenChange(next)}>
      <Dialog.Portal>
        <Dialog.Backdrop className="scrim" />
        <Dialog.Popup className="pop palette" aria-label="Search or do">
          <PaletteBody
            close={() => onOpenChange(false)}
            onQueryChange={onQueryChange}
            isSearching={isSearching}
          />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function PaletteBody({
  close,
  onQueryChange,
  isSearching,
}: {
  close: () => void;
} & Pick<PaletteProps, "onQueryChange" | "isSearching">) {
  const router = useRouter();
  const listId = useId();
  const commands = useAllCommands();
  const [query, setQuery] = useState("");
  const [active, setActive] = useState(0);
  const searched = useDeferredValue(query);
  const groups = useMemo(() => matching(commands, searched), [commands, searched]);
  const flat = groups.flatMap(([, items]) => items);
  const current = flat[Math.min(active, flat.length - 1)];
  const list = useRef<HTMLDivElement>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: scrolls when the active command changes
  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [current]);

  const choose = (command: Command) => {
    close();
    if (command.href !== undefined) router.push(command.href);
    else command.run();
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const move: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const step = move[event.key];
    if (step !== undefined && flat.length > 0) {
      event.preventDefault();
      setActive((Math.min(active, flat.length - 1) + step + flat.length) % flat.length);
    } else if (event.key === "Enter" && current) {
      event.preventDefault();
      choose(current);
    }
  };

  return (
    <>
      <div className="q">
        <input
          role="combobox"
          aria-label="Search or do"
          aria-expanded="true"
          aria-controls={listId}
          aria-autocomplete="list"
          aria-activedescendant={current && `${listId}-${current.id}`}
          placeholder="Search or do"
          autoComplete="off"
          spellCheck={false}
          value={query}
          onChange={(event) => {
            setQuery(event.target.value);
            setActive(0);
            onQueryChange?.(event.target.value);
          }}
          onKeyDown={onKeyDown}
        />
        <kbd>Esc</kbd>
      </div>
      <div ref={list} id={listId} role="listbox" aria-label="Results" className="results">
        {groups.map(([group, items]) => (
          // biome-ignore lint/a11y/useSemanticElements: a group of options has no element of its own
          <div key={group} role="group" aria-label={group}>
            <div className="menu-label" aria-hidden="true">
              {group}
            </div>
            {items.map((command) => (
              // biome-ignore lint/a11y/useFocusableInteractive: focus stays in the field, which names the active option
              // biome-ignore lint/a11y/useKeyWithClickEvents: Enter in the field chooses the active option
              <div
                key={command.id}
                id={`${listId}-${command.id}`}
                role="option"
                aria-selected={command === current}
                className={cx("hit", command === current && "on")}
                onPointerMove={() => setActive(flat.indexOf(command))}
                onClick={() => choose(command)}
              >
                <span className="grow clip">{command.label}</span>
                {command.hint && <span className="t3">{command.hint}</span>}
                {command.keys && <KeyHint keys={command.keys} />}
              </div>
            ))}
          </div>
        ))}
      </div>
      {flat.length === 0 && (
        <p className="nothing t2" role="status">
          {isSearching
            ? `Looking for “${query}”.`
            : `Nothing is called “${query}”. Try a model, a run number, a digest or a page.`}
        </p>
      )}
    </>
  );
}
