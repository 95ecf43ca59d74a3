"""Reproduces the reference experiment and prints it beside the figures it is compared with.

    PYTHONPATH=gpu-worker/src .lathe/venv/bin/python -m gpu_worker.reference [--seeds 3] [--out FILE]

About eight minutes a seed on two free cores, four with `--model` (a trained one). `--quick` takes a few
hundred images, to see that it runs: its accuracies mean nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from gpu_worker.evaluate import wilson
from gpu_worker.jobs.folder_door import FolderDoor
from gpu_worker.reference.experiment import VARIANTS, Measured, open_data, run_seed

QUICK_TRAIN, QUICK_TEST = 600, 200
LIBRARIES = ("torch", "onnxruntime", "numpy")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m gpu_worker.reference", description=__doc__)
    home = Path(os.environ.get("LATHE_HOME", ".lathe"))
    parser.add_argument(
        "--data", type=Path, default=home / "data/fashion-mnist", help="folder with the four IDX files"
    )
    parser.add_argument("--seeds", type=int, default=3, help="how often everything is repeated")
    parser.add_argument("--epochs", type=float, default=3, help="how long the fp32 model is trained")
    parser.add_argument(
        "--model", type=Path, help="an fp32 ONNX model to start from, instead of training one"
    )
    parser.add_argument("--threads", type=int, default=2, help="for training and measuring accuracy")
    parser.add_argument("--quick", action="store_true", help="a few hundred images, one seed, one epoch")
    parser.add_argument("--out", type=Path, help="where the figures go as JSON")
    options = parser.parse_args(arguments)
    seeds, epochs = (1, 1.0) if options.quick else (options.seeds, options.epochs)
    start = options.model.read_bytes() if options.model else epochs

    found: list[Measured] = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lathe-reference-") as work:
        door = FolderDoor(Path(work))
        part = (QUICK_TRAIN, QUICK_TEST) if options.quick else (None, None)
        try:
            dataset = open_data(door, options.data, *part)
        except ValueError as error:
            raise SystemExit(str(error)) from error
        for seed in range(seeds):
            for row in run_seed(door, dataset, seed, start, options.threads):
                found.append(row)
                seconds = time.monotonic() - began
                print(f"{seconds:6.0f} s  seed {seed}  {row.variant}: {row.accuracy:.2%}", file=sys.stderr)
            if options.out is not None:  # after each seed: a later one that fails takes nothing with it
                options.out.write_text(as_json(found, options.model or epochs, time.monotonic() - began))
    print(table(found))


def table(found: list[Measured]) -> str:
    """Markdown: each figure of ours (median of the seeds) with the reference's after it.

    Accuracy has the range of the seeds and, once for all, the interval that so many test images leave.
    Changes are against the same seed's fp32 model.
    """
    fp32 = {row.seed: row.accuracy for row in found if row.variant == VARIANTS[0].name}
    lines = [
        "| variant | accuracy % | range | change, points | file kB | zstd kB | batch 1 ms | batch 64 ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for variant in VARIANTS:
        rows = [row for row in found if row.variant == variant.name]
        if not rows:
            continue
        accuracies = [100 * row.accuracy for row in rows]
        change = median([100 * (row.accuracy - fp32[row.seed]) for row in rows])
        pairs = [
            beside(median(accuracies), variant.accuracy, ".2f"),
            f"{min(accuracies):.2f} to {max(accuracies):.2f}",
            beside(change, variant.accuracy - VARIANTS[0].accuracy, "+.2f"),
            beside(median([row.file_bytes / 1e3 for row in rows]), variant.file_kb, ".0f"),
            beside(median([row.zstd_bytes / 1e3 for row in rows]), variant.zstd_kb, ".0f"),
            beside(median([row.ms1 for row in rows]), variant.ms1, ".2f"),
            beside(median([row.ms64 for row in rows]), variant.ms64, ".1f"),
        ]
        lines.append("| " + " | ".join([variant.name, *pairs]) + " |")
    first = found[0]
    low, high = wilson(first.correct, first.n)
    lines.append("")
    lines.append(
        f"Ours (reference), {len(fp32)} seeds. {first.n} test images leave ±{50 * (high - low):.2f} points of"
        f" fp32 accuracy at 95 %."
    )
    return "\n".join(lines)


def beside(ours: float, reference: float, form: str) -> str:
    """A figure with the reference's in brackets."""
    return f"{ours:{form}} ({reference:{form}})"


def median(values: list[float]) -> float:
    """The middle value, the mean of both where there are two."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


def as_json(found: list[Measured], start: Path | float, seconds: float) -> str:
    """Every measurement, and what it was made with. start: the fp32 model's file, or its epochs."""
    machine = {
        "cores": len(os.sched_getaffinity(0)),
        **{name: version(name) for name in LIBRARIES},
    }
    rows = [{**asdict(row), "accuracy": row.accuracy} for row in found]
    origin = {"model": start.as_posix()} if isinstance(start, Path) else {"epochs": start}
    content = {"machine": machine, **origin, "seconds": round(seconds), "results": rows}
    return json.dumps(content, indent=2) + "\n"


if __name__ == "__main__":
    main()
