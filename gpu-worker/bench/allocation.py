"""What each way to allocate sparsity leaves of the sample model's accuracy, in one shot, without training.

    PYTHONPATH=gpu-worker/src .lathe/venv/bin/python gpu-worker/bench/allocation.py --data FOLDER [--out FILE]

FOLDER holds the four IDX files of Fashion-MNIST (`.lathe/data/fashion-mnist` once the product was started).
The scan asks train samples only; the accuracies are those of all 10,000 test samples.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import get_args

from gpu_worker.compress import Compressor, Curve, Recipe
from gpu_worker.compress.recipe import Allocation
from gpu_worker.data import Dataset, DatasetFile, Split, Transform, open_dataset
from gpu_worker.evaluate import evaluate
from gpu_worker.importer import import_onnx

MODEL = Path(__file__).parents[2] / "examples/fashion-resnet/model.onnx"
FILES = {
    "x": "train-images-idx3-ubyte.gz",
    "y": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}
SHARES = (0.4, 0.5, 0.6, 0.7, 0.8)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the allocations of sparsity on the sample model.")
    parser.add_argument("--data", type=Path, required=True, help="folder with the four IDX files, gzipped")
    parser.add_argument("--out", type=Path, help="where the figures go as JSON")
    options = parser.parse_args()

    dataset = open_fashion(options.data)
    compressor = Compressor(import_onnx(MODEL.read_bytes()), dataset)
    curves, seconds = scan(compressor)
    print(f"scan of {len(curves)} layers: {seconds:.1f} s")
    rows = []
    for share in SHARES:
        accuracy = {
            way: measure(compressor, dataset, curves, Recipe(sparsity=share, allocation=way))
            for way in get_args(Allocation)
        }
        rows.append({"sparsity": share, "accuracy": accuracy})
        print(
            f"{share:.0%}", *(f"{way} {value:.2%}" for way, value in accuracy.items()), sep="  ", flush=True
        )
    if options.out:
        options.out.write_text(json.dumps({"scanSeconds": round(seconds, 1), "rows": rows}, indent=2) + "\n")


def open_fashion(folder: Path) -> Dataset:
    """The dataset as the sample project has it."""
    files = [DatasetFile(role, "idx", folder / name) for role, name in FILES.items()]
    return open_dataset(files, Split("files", 0, 0.2), Transform(1 / 255, 0.0, 1.0))


def scan(compressor: Compressor) -> tuple[dict[str, Curve], float]:
    """The curve of every layer, and how many seconds they took."""
    since = time.perf_counter()
    found = compressor.scan()
    while not found.complete:
        found.step()
    return found.curves, time.perf_counter() - since


def measure(compressor: Compressor, dataset: Dataset, curves: dict[str, Curve], recipe: Recipe) -> float:
    """Accuracy on the whole test set."""
    return evaluate(compressor.build(compressor.resolve(recipe, curves)).onnx, dataset).accuracy


if __name__ == "__main__":
    main()
