/** Keys as caps: `<KeyHint keys="g m" />`. A space parts keys that are pressed one after the other. */
export function KeyHint({ keys }: { keys: string }) {
  return (
    <span className="keys">
      {keys.split(" ").map((key) => (
        <kbd key={key}>{key}</kbd>
      ))}
    </span>
  );
}
