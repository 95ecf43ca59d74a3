import { Skeleton } from "./feedback";
import { Panel, Tiles } from "./panel";

const LINES = ["72%", "48%", "61%"];
/** A line and the gap to the next. */
const LINE_PX = 32;

/** A panel on its way: its title where that is known, and the height of what comes. */
export function PanelLoading({ title, height }: { title?: string; height: number }) {
  return (
    <Panel title={title}>
      <div className="body col" style={{ height }} aria-busy="true">
        {LINES.slice(0, Math.max(1, Math.floor(height / LINE_PX))).map((width) => (
          <Skeleton key={width} width={width} />
        ))}
      </div>
    </Panel>
  );
}

/** Tiles on their way. */
export function TilesLoading({ count, className }: { count: number; className?: string }) {
  return (
    <Tiles {...(className && { className })}>
      {Array.from({ length: count }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: what comes has no identity yet
        <div key={i} className="tile tile-loading" aria-busy="true">
          <Skeleton width="45%" />
          <Skeleton width="30%" height={18} />
          <Skeleton width="60%" />
        </div>
      ))}
    </Tiles>
  );
}
