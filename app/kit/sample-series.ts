/** Drawn by rule, not by chance: the kit looks the same at every visit. */
import type { ForestRow } from "@/components/charts/forest-plot";

const wave = (index: number) => Math.sin(index * 12.9898) * 0.5 + Math.sin(index * 78.233) * 0.5;

export const measured = [
  [0, 91.9, 0.3],
  [10, 91.9, 0.3],
  [20, 91.8, 0.3],
  [30, 91.6, 0.3],
  [40, 91.4, 0.4],
  [48, 90.4, 1],
  [60, 85.2, 0.6],
  [80, 41.3, 1],
].map(([x = 0, y = 0, half = 0]) => ({
  id: `s${x}`,
  x,
  y,
  half,
  n: x === 48 ? 1000 : 10_000,
  label: `sparsity ${x}%`,
}));

export const predicted = [
  [0, 91.9],
  [10, 91.9],
  [20, 91.8],
  [30, 91.6],
  [40, 91.3],
  [48, 90.3],
  [54, 88.5],
  [60, 85.1],
  [64, 81.5],
  [67, 78],
].map(([x = 0, y = 0]) => ({ x, y }));

const ratios = Array.from({ length: 10 }, (_, index) => index * 10);
export const sizes = [
  { key: "file", label: "file", points: ratios.map((x) => ({ x, y: 237 })) },
  { key: "packed", label: "packed", points: ratios.map((x) => ({ x, y: 178 })) },
  { key: "sparse", label: "sparse", points: ratios.map((x) => ({ x, y: 210 - x * 1.7 })) },
  { key: "zstd", label: "zstd-19", isPredicted: true, points: ratios.map((x) => ({ x, y: 162 - x * 1.25 })) },
];

const STEPS = 5122;
const x = Array.from({ length: STEPS }, (_, step) => step);
const loss = x.map((step) => 0.24 + 1.36 * Math.exp(-step / 900) + wave(step) * 0.03);
export const live = {
  x,
  y: loss.map((value, step) => (step > 2600 && step < 2750 ? null : value)),
  min: loss.map((value) => value - 0.07),
  max: loss.map((value, step) => (step === 1752 ? value + 0.6 : value + 0.09)),
  time: x.map((step) => (step < 3900 ? 425 : 690) + wave(step) * 18),
};

export const NOW = Date.UTC(2026, 10, 23, 14, 32, 8);
const minutes = (ago: number) => NOW - ago * 60_000;
export const from = minutes(60);
export const to = minutes(-6);
export const capacity = [
  [60, 72],
  [52, 88],
  [36, 76],
  [35, 88],
  [26, 88],
  [23.5, 104],
  [20, 112],
  [8, 104],
  [-0.5, 120],
].map(([ago = 0, y = 0]) => ({ x: minutes(ago), y }));
export const demand = [
  [60, 64],
  [53.5, 78],
  [50, 80],
  [44, 84],
  [32, 86],
  [26, 98],
  [20, 106],
  [12, 100],
  [0.6, 112],
].map(([ago = 0, y = 0]) => ({ x: minutes(ago), y }));
export const events = [
  {
    id: "1",
    at: minutes(53.5),
    until: minutes(52),
    direction: "up" as const,
    label: "+1 spot-3",
    isDone: true,
  },
  {
    id: "2",
    at: minutes(35.5),
    until: minutes(35),
    direction: "up" as const,
    label: "+1 spot-5",
    isDone: true,
  },
  {
    id: "3",
    at: minutes(26),
    until: minutes(23.5),
    direction: "up" as const,
    label: "+1 spot-1",
    isDone: true,
  },
  { id: "4", at: minutes(8), direction: "down" as const, label: "−1 gpu-2", isDone: true },
  { id: "5", at: minutes(0.6), direction: "up" as const, label: "+1 spot-6", isDone: false },
];

const classes: readonly (readonly [string, number, number])[] = [
  ["T-shirt/top", -0.3, 1.5],
  ["Trouser", 0.1, 0.4],
  ["Pullover", -0.9, 1.6],
  ["Dress", 0.4, 1.2],
  ["Shirt", 1.9, 2.3],
];
export const forest: readonly ForestRow[] = [
  { id: "all", label: "All classes", n: 10_000, difference: 0.17, half: 0.4, group: "class", isMain: true },
  ...classes.map(([label, difference, half]) => ({
    id: label,
    label,
    n: 1000,
    difference,
    half,
    group: "class",
  })),
  { id: "low", label: "low contrast", n: 1204, difference: -0.9, half: 0.8, group: "slice" },
  { id: "print", label: "print or logo", n: 1655, difference: 0.3, half: 1, group: "slice" },
];

export const heat = ["base-1", "base-2", "spot-3", "spot-5"].map((node, rank) => ({
  rank,
  node,
  values: Array.from({ length: 80 }, (_, cell) =>
    rank === 2 && cell > 60
      ? 690 + wave(cell) * 60
      : cell === 18 && rank === 3
        ? null
        : 425 + wave(cell * 7 + rank) * 40,
  ),
}));
