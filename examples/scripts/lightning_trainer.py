"""Training by Lightning's Trainer, which finds its peers by the variables that torchrun sets."""

import argparse
import os
from pathlib import Path

import lightning as L
import numpy as np
import torch
from lightning.pytorch.loggers import MLFlowLogger
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--batch", type=int, default=64, help="samples a rank and step")
parser.add_argument("--lr", type=float, default=0.01)
args = parser.parse_args()


def load() -> TensorDataset:
    """The first NPZ file of the dataset, or else noise with a rule in it."""
    for file in sorted(Path(os.environ.get("LATHE_DATA", "nowhere")).glob("*.npz")):
        arrays = np.load(file)
        return TensorDataset(torch.tensor(arrays["x"]).float().flatten(1), torch.tensor(arrays["y"]).long())
    x = torch.randn(4096, 32, generator=torch.Generator().manual_seed(0))
    return TensorDataset(x, (x[:, :16].sum(1) > x[:, 16:].sum(1)).long())


class Classifier(L.LightningModule):
    def __init__(self, features: int, classes: int, lr: float) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Linear(features, 64), nn.ReLU(), nn.Linear(64, classes))

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        x, y = batch
        loss = nn.functional.cross_entropy(self.net(x), y)
        self.log("train/loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=self.hparams["lr"])


L.seed_everything(0)
data = load()
x, y = data.tensors
trainer = L.Trainer(
    accelerator="auto",
    strategy="ddp",
    devices=int(os.environ.get("LOCAL_WORLD_SIZE", "1")),
    num_nodes=int(os.environ.get("GROUP_WORLD_SIZE", "1")),
    max_epochs=args.epochs,
    log_every_n_steps=10,
    logger=MLFlowLogger(run_id=os.environ.get("MLFLOW_RUN_ID")),
)
trainer.fit(Classifier(x.shape[1], int(y.max()) + 1, args.lr), DataLoader(data, args.batch, shuffle=True))
print(f"rank {trainer.global_rank} of {trainer.world_size}: {trainer.global_step} steps")
