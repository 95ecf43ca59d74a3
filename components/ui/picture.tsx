/** Grey pictures are drawn in the ink of the theme, so that they belong to both; colours stay as they are. */
export function Picture({ png, isGrey, label }: { png: string; isGrey: boolean; label: string }) {
  const url = `url(data:image/png;base64,${png})`;
  return (
    <span className="pixels" role="img" aria-label={label} title={label}>
      <i className={isGrey ? "ink" : ""} style={isGrey ? { maskImage: url } : { backgroundImage: url }} />
    </span>
  );
}

/** One channel: 28×28, 1×28×28 or 28×28×1. */
export const isGreyShape = (shape: readonly number[]): boolean =>
  shape.length === 2 || (shape.length === 3 && (shape[0] === 1 || shape[2] === 1));
