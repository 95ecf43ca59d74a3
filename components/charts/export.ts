import { toCsv } from "./prepare";
import type { ChartTable } from "./types";

function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

/** Gives the chart's table as `name.csv`. */
export function downloadCsv(table: ChartTable, name: string): void {
  download(new Blob([toCsv(table.heads, table.rows)], { type: "text/csv" }), `${name}.csv`);
}

/** Properties that style sheets give to drawings; a picture of its own must carry them itself. */
const DRAWN = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-linejoin",
  "font-family",
  "font-size",
  "font-weight",
  "opacity",
  "paint-order",
  "text-anchor",
];

function inlined(svg: SVGSVGElement): SVGSVGElement {
  const clone = svg.cloneNode(true);
  if (!(clone instanceof SVGSVGElement)) throw new Error("An SVG clones to an SVG");
  const originals = [svg, ...svg.querySelectorAll("*")];
  const copies = [clone, ...clone.querySelectorAll("*")];
  originals.forEach((original, index) => {
    const style = getComputedStyle(original);
    const text = DRAWN.map((name) => `${name}:${style.getPropertyValue(name)}`).join(";");
    copies[index]?.setAttribute("style", text);
  });
  clone.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return clone;
}

async function toImage(svg: SVGSVGElement): Promise<HTMLImageElement> {
  const image = new Image();
  const text = new XMLSerializer().serializeToString(inlined(svg));
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  return image;
}

/** Gives what `root` shows (SVG, canvas, axis titles) as `name.png` in twice the size, on the panel's ground. */
export async function downloadPng(root: HTMLElement, name: string): Promise<void> {
  const scale = 2;
  const frame = root.getBoundingClientRect();
  const canvas = document.createElement("canvas");
  canvas.width = frame.width * scale;
  canvas.height = frame.height * scale;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("This browser cannot draw the picture; use the CSV instead.");
  context.scale(scale, scale);
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--surface-1");
  context.fillRect(0, 0, frame.width, frame.height);
  const drawAt = (image: CanvasImageSource, place: DOMRect) =>
    context.drawImage(image, place.x - frame.x, place.y - frame.y, place.width, place.height);
  for (const source of root.querySelectorAll("canvas")) drawAt(source, source.getBoundingClientRect());
  for (const svg of root.querySelectorAll<SVGSVGElement>("svg[data-plot], svg.recharts-surface")) {
    drawAt(await toImage(svg), svg.getBoundingClientRect());
  }
  for (const title of root.querySelectorAll<HTMLElement>(".axis-title")) {
    const style = getComputedStyle(title);
    const place = title.getBoundingClientRect();
    // The shorthand is empty where a longhand it lacks is set, such as tabular figures.
    context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    context.fillStyle = style.color;
    context.textBaseline = "middle";
    context.fillText(title.textContent ?? "", place.x - frame.x, place.y - frame.y + place.height / 2);
  }
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (!blob) throw new Error("This browser cannot write the picture; use the CSV instead.");
  download(blob, `${name}.png`);
}
