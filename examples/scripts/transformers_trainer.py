"""Training by the Trainer of Transformers, which reports to MLflow by itself."""

import argparse
import os

import torch
from torch.utils.data import Dataset
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    Trainer,
    TrainingArguments,
)

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=60)
parser.add_argument("--batch", type=int, default=16, help="samples a rank and step")
parser.add_argument("--lr", type=float, default=1e-3)
args = parser.parse_args()


class Bracketed(Dataset):
    """Texts of 16 tokens; the class is whether the first and the last are the same."""

    def __init__(self, samples: int, vocabulary: int) -> None:
        drawn = torch.Generator().manual_seed(0)
        self.tokens = torch.randint(4, vocabulary, (samples, 16), generator=drawn)
        same = torch.rand(samples, generator=drawn) < 0.5
        self.tokens[same, -1] = self.tokens[same, 0]
        self.labels = (self.tokens[:, 0] == self.tokens[:, -1]).long()

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"input_ids": self.tokens[index], "labels": self.labels[index]}


config = BertConfig(
    vocab_size=32,
    hidden_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=128,
    max_position_embeddings=16,
    num_labels=2,
)
trainer = Trainer(
    model=BertForSequenceClassification(config),
    args=TrainingArguments(
        output_dir="output",
        max_steps=args.steps,
        per_device_train_batch_size=args.batch,
        learning_rate=args.lr,
        logging_steps=10,
        save_strategy="no",
        use_cpu=not torch.cuda.is_available(),
        report_to="mlflow" if "MLFLOW_TRACKING_URI" in os.environ else "none",
        seed=0,
    ),
    train_dataset=Bracketed(4096, config.vocab_size),
)
trainer.train()
print(f"rank {trainer.args.process_index} of {trainer.args.world_size}: {trainer.state.global_step} steps")
