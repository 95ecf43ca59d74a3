"""MlflowClient as PyTorch Lightning's MLFlowLogger and the MLflow callback of Transformers use it."""

import json
import os
import time

from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient
from mlflow.tracking.context.registry import resolve_tags
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NAME

client = MlflowClient()
experiment = client.get_experiment_by_name("lightning_logs")
experiment_id = experiment.experiment_id if experiment else client.create_experiment("lightning_logs")
created_id = client.create_experiment(name="another", artifact_location=None)
run = client.create_run(experiment_id=experiment_id, tags=resolve_tags({MLFLOW_RUN_NAME: "version_0"}))
run_id = run.info.run_id

hyperparameters = [Param(key=f"model/arg_{n}", value=str(n)) for n in range(250)]
for start in range(0, len(hyperparameters), 100):
    client.log_batch(run_id=run_id, params=hyperparameters[start : start + 100])

now = int(time.time() * 1000)
for step in range(0, 3000, 1000):
    points = [
        Metric(key="train_loss", value=1.0 / (n + 1), timestamp=now, step=n) for n in range(step, step + 1000)
    ]
    client.log_batch(run_id=run_id, metrics=points)
client.log_metric(run_id, "epoch", 3)
with open("checkpoint.bin", "wb") as file:
    file.write(os.urandom(1 << 20))
client.log_artifact(run_id, "checkpoint.bin", "model/checkpoints/last")
client.set_terminated(run_id, "FINISHED")

print(
    json.dumps(
        {
            "ids": [experiment_id, created_id, run_id],
            "name": client.get_run(run_id).info.run_name,
            "params": len(client.get_run(run_id).data.params),
            "history": len(client.get_metric_history(run_id, "train_loss")),
            "last": client.get_run(run_id).data.metrics["train_loss"],
            "uri": run.info.artifact_uri,
            "checkpoints": [f.path for f in client.list_artifacts(run_id, "model/checkpoints/last")],
        }
    )
)
