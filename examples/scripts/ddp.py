"""Data-parallel training with plain PyTorch, as any torchrun script is written."""

import argparse
import os
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

try:
    import mlflow
except ImportError:
    mlflow = None

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=200)
parser.add_argument("--batch", type=int, default=64, help="samples a rank and step")
parser.add_argument("--lr", type=float, default=0.05)
args = parser.parse_args()

if "RANK" not in os.environ:
    raise SystemExit("RANK is not set: start this script with torchrun, or as a script run of Lathe.")
cuda = torch.cuda.is_available()
device = torch.device(f"cuda:{os.environ['LOCAL_RANK']}" if cuda else "cpu")
dist.init_process_group("nccl" if cuda else "gloo")
rank, world = dist.get_rank(), dist.get_world_size()


def load() -> tuple[torch.Tensor, torch.Tensor]:
    """The first NPZ file of the dataset, or else noise with a rule in it."""
    for file in sorted(Path(os.environ.get("LATHE_DATA", "nowhere")).glob("*.npz")):
        arrays = np.load(file)
        return torch.from_numpy(arrays["x"]).float().flatten(1), torch.from_numpy(arrays["y"]).long()
    x = torch.randn(4096, 32, generator=torch.Generator().manual_seed(0))
    return x, (x[:, :16].sum(1) > x[:, 16:].sum(1)).long()


x, y = load()
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(x.shape[1], 64), nn.ReLU(), nn.Linear(64, int(y.max()) + 1)).to(device)
model = DistributedDataParallel(net, device_ids=[device.index] if cuda else None)
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
drawn = torch.Generator().manual_seed(rank)
if mlflow and rank == 0:
    mlflow.log_params({**vars(args), "world": world})
for step in range(1, args.steps + 1):
    chosen = torch.randint(len(x), (args.batch,), generator=drawn)
    loss = nn.functional.cross_entropy(model(x[chosen].to(device)), y[chosen].to(device))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 10 == 0:
        print(f"rank {rank} of {world}: step {step}/{args.steps} loss {loss.item():.4f}")
        if mlflow and rank == 0:
            mlflow.log_metric("train/loss", loss.item(), step=step)
dist.destroy_process_group()
