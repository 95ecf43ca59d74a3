"""The yardstick of `train.step_vs_torchrun`: the sample's training as a plain script for torchrun, with nothing of
Lathe in it but the architecture.

torchrun --standalone --nproc-per-node 2 train.py --data FOLDER --batch 1024 --steps 40

Rank 0 prints one line of JSON: {"ms": [the wall time of each step]}.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from gpu_worker.train.architectures import build


def read_idx(path: Path, header: int) -> np.ndarray:
    """The bytes of a gzipped IDX file after its header."""
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)


def main() -> None:
    """Trains for `--steps` steps."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    chosen = parser.parse_args()

    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    images = read_idx(chosen.data / "train-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    labels = read_idx(chosen.data / "train-labels-idx1-ubyte.gz", 8).astype(np.int64)
    samples = TensorDataset(torch.from_numpy(images.copy()), torch.from_numpy(labels))
    share = chosen.batch // dist.get_world_size()
    loader = DataLoader(samples, batch_size=share, sampler=DistributedSampler(samples))

    # Channels last and the fused optimizer, as Lathe has them: the comparison is of launchers, not of settings.
    module = build("resnet-small", (1, 28, 28), 10, seed=0).to(memory_format=torch.channels_last)
    model = DistributedDataParallel(module)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    took: list[float] = []
    batches = iter(loader)
    for _ in range(chosen.steps):
        began = time.perf_counter()
        x, y = next(batches)
        loss = F.cross_entropy(model(x.float() / 255), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        took.append((time.perf_counter() - began) * 1000)
    if dist.get_rank() == 0:
        print(json.dumps({"ms": took}))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
