/** What a run was asked to do, as pairs of name and value that a person reads. */
import { PRECISIONS, type Recipe } from "../studio/contract";
import {
  type RunResources,
  type RunSpec,
  SCRIPT_STALL_SECONDS,
  type ScriptSpec,
  TrainHyper,
  type TrainSpec,
} from "./contract";

type Pair = [name: string, value: string];

export function configurationOf(spec: RunSpec, resources: RunResources): Pair[] {
  return [...ofKind(spec), ["Workers", workersSay(resources)]];
}

function ofKind(spec: RunSpec): Pair[] {
  switch (spec.kind) {
    case "inspect_model":
      return [
        ["File", spec.filename],
        ["Digest", spec.blob.slice(0, 7)],
      ];
    case "inspect_dataset":
      return [
        ["Files", spec.files.map((file) => file.name).join(", ")],
        ["Split", spec.split.kind === "files" ? "as given by the files" : `seed ${spec.split.seed}`],
      ];
    case "try_batch":
      return [
        ["Version", spec.model.slice(0, 7)],
        ["Dataset", spec.dataset.name],
      ];
    case "evaluate":
      return [
        ["Candidate", spec.candidate.slice(0, 7)],
        ["Baseline", spec.baseline?.slice(0, 7) ?? "none"],
        ["Dataset", spec.dataset.name],
      ];
    case "compress":
      return [
        ["Channels", percent(spec.recipe.channels)],
        ["Sparsity", percent(spec.recipe.sparsity)],
        ["Pattern", spec.recipe.pattern],
        ["Allocation", spec.recipe.allocation],
        ["Precision", PRECISIONS[spec.recipe.precision]],
        ...calibrationOf(spec.recipe),
        ...(spec.recipe.keepFloat.length > 0
          ? [["In fp32", spec.recipe.keepFloat.join(", ")] satisfies Pair]
          : []),
        ["Dataset", spec.dataset.name],
      ];
    case "train":
      return ofTraining(spec);
    case "script":
      return ofScript(spec);
  }
}

const calibrationOf = (recipe: Recipe): Pair[] =>
  recipe.precision === "int8"
    ? [["Calibration", `${recipe.calibration}, ${recipe.calibrationSamples} samples`]]
    : [];

function ofTraining({ init, hyper, teacher, dataset, precision, keepMasks, backend }: TrainSpec): Pair[] {
  return [
    ["Dataset", dataset.name],
    ...(init.from === "version" && init.weights === "fresh"
      ? [["Weights", "drawn anew by the seed"] satisfies Pair]
      : []),
    ["Epochs", String(hyper.epochs)],
    ["Global batch", String(hyper.globalBatch)],
    ["Learning rate", `${hyper.lr}, ${percent(hyper.warmupFraction)} warm-up`],
    ["Optimizer", `${hyper.optimizer}, weight decay ${hyper.weightDecay}`],
    ...unusual(hyper),
    [
      "Teacher",
      teacher
        ? `${teacher.blob.slice(0, 7)}, temperature ${teacher.temperature}, weight ${teacher.weight}`
        : "none",
    ],
    ["Masks", keepMasks ? "kept" : "free"],
    ["Precision after", PRECISIONS[precision]],
    ["Backend", backend ?? "by device"],
    ["Checkpoint every", `${hyper.checkpointEverySteps} steps`],
    ["Seed", String(hyper.seed)],
  ];
}

const USUAL = TrainHyper.parse({});

/** What most runs leave as it is, where this one does not. */
function unusual(hyper: TrainHyper): Pair[] {
  const pairs: [keyof TrainHyper, ...Pair][] = [
    ["schedule", "Schedule", hyper.schedule],
    ["clipNorm", "Gradients clipped at", String(hyper.clipNorm)],
    ["augment", "Augmentation", hyper.augment ? "shift and flip" : "none"],
    ["accumulate", "Micro-batches", `${hyper.accumulate} a step`],
    ["compute", "Computes in", hyper.compute],
    [
      "onDivergence",
      "When it diverges",
      `back to a good checkpoint, rate × ${hyper.lowerRateFactor}, ${hyper.lowerRateTimes === 1 ? "once" : `at most ${hyper.lowerRateTimes} times`}`,
    ],
    ["onOutOfMemory", "When memory runs out", "stop, say what fits"],
    ["keepLast", "Checkpoints kept", `the newest ${hyper.keepLast}`],
    ["keepEverySteps", "And those of every", `${hyper.keepEverySteps} steps`],
    ["stopAtStep", "Ends after step", String(hyper.stopAtStep)],
    ["stallSeconds", "Stalled after", hyper.stallSeconds === 0 ? "never" : `${hyper.stallSeconds} s`],
  ];
  return pairs.flatMap(([key, name, value]): Pair[] => (hyper[key] === USUAL[key] ? [] : [[name, value]]));
}

/** Names of variables whose values are nobody's business. */
const SECRET = /TOKEN|KEY|SECRET|PASSWORD|CREDENTIAL/i;

const ofScript = ({
  filename,
  code,
  entry,
  args,
  requirements,
  env,
  dataset,
  stallSeconds,
}: ScriptSpec): Pair[] => [
  ["Code", `${filename}, ${code.slice(0, 7)}`],
  ["Entry point", entry],
  ...(args.length > 0 ? [["Arguments", args.join(" ")] satisfies Pair] : []),
  ["Requirements", requirements ?? "none"],
  ...Object.entries(env).map(
    ([name, value]): Pair => [`$${name}`, SECRET.test(name) ? "kept to itself" : value],
  ),
  ["Dataset", dataset?.name ?? "none"],
  ...(stallSeconds === SCRIPT_STALL_SECONDS
    ? []
    : [["Stalled after", stallSeconds === 0 ? "never" : `${stallSeconds} s`] satisfies Pair]),
];

const percent = (fraction: number): string => `${Number((fraction * 100).toFixed(1))}%`;

function workersSay({ minWorkers, workers, cpus, gpus }: RunResources): string {
  const each = [
    `${cpus} ${cpus === 1 ? "CPU" : "CPUs"}`,
    gpus > 0 ? `${gpus} ${gpus === 1 ? "GPU" : "GPUs"}` : "",
  ];
  const many = minWorkers < workers ? `${minWorkers} to ${workers}, as there is room,` : workers;
  return `${many} with ${each.filter(Boolean).join(" and ")}${workers > 1 ? " each" : ""}`;
}
