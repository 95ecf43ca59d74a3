"""Training that goes on where its run's last attempt left off: its checkpoints are artifacts of the run."""

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=200)
parser.add_argument("--every", type=int, default=20, help="steps between two checkpoints")
parser.add_argument("--fail-at", type=int, default=0, help="the step at which the first attempt fails")
args = parser.parse_args()

dist.init_process_group("gloo")
rank, run = dist.get_rank(), os.environ["MLFLOW_RUN_ID"]
model = DistributedDataParallel(nn.Linear(16, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)


def restore() -> int:
    """Every rank loads what rank 0 of an earlier attempt kept; answers the step that comes next."""
    if all(file.path != "checkpoint.pt" for file in mlflow.artifacts.list_artifacts(run_id=run)):
        return 1
    with TemporaryDirectory() as folder:
        path = mlflow.artifacts.download_artifacts(run_id=run, artifact_path="checkpoint.pt", dst_path=folder)
        kept = torch.load(path, weights_only=True)
    model.load_state_dict(kept["model"])
    optimizer.load_state_dict(kept["optimizer"])
    return kept["step"] + 1


def keep(step: int) -> None:
    """One file under one name: a new one takes the place of the old one when it has arrived whole."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint.pt"
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, path)
        mlflow.log_artifact(str(path))


first = restore()
print(f"rank {rank} begins at step {first}")
for step in range(first, args.steps + 1):
    drawn = torch.Generator().manual_seed(step * dist.get_world_size() + rank)
    x = torch.randn(64, 16, generator=drawn)
    loss = nn.functional.cross_entropy(model(x), (x.sum(1) > 0).long())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if rank == 0:
        mlflow.log_metric("train/loss", loss.item(), step=step)
        if step % args.every == 0:
            keep(step)
    if step == args.fail_at and first == 1:
        raise SystemExit("This attempt fails, as it was asked to.")
dist.destroy_process_group()
