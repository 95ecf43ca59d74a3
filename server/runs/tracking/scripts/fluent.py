"""MLflow's fluent API as tutorials use it; prints what it reads back as one line of JSON."""

import json
import tempfile
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

mlflow.set_experiment("fashion")
with mlflow.start_run(run_name="baseline", description="The first try.", tags={"team": "vision"}) as run:
    mlflow.log_params({"lr": 1e-3, "optimizer": "adamw", "layers": [64, 64]})
    mlflow.log_param("epochs", 2)
    mlflow.log_metric("single", 0.5)
    for step in range(30):
        mlflow.log_metrics({"loss": 1 / (step + 1), "val/accuracy": step / 30}, step=step)
    mlflow.log_metric("broken", float("nan"), step=1)
    mlflow.log_metric("broken", float("inf"), step=2)
    mlflow.set_tags({"stage": "test", "gone": "soon"})
    mlflow.delete_tag("gone")

    with tempfile.TemporaryDirectory() as folder:
        note = Path(folder, "a note.txt")
        note.write_text("kept ünïcode")
        mlflow.log_artifact(str(note))
        deep = Path(folder, "plots", "deep")
        deep.mkdir(parents=True)
        Path(deep, "big.bin").write_bytes(bytes(range(256)) * 20_000)
        Path(folder, "plots", "empty").touch()
        mlflow.log_artifacts(str(Path(folder, "plots")), artifact_path="plots")
    mlflow.log_dict({"classes": 10}, "config/labels.json")
    mlflow.log_text("hello", "hello.txt")

    for step in range(100):
        mlflow.log_metric("async", step, step=step, synchronous=False)
    mlflow.log_param("late", "yes", synchronous=False)
    mlflow.flush_async_logging()

    try:
        mlflow.log_param("lr", 1)
        changed = "not refused"
    except MlflowException as error:
        changed = f"{error.error_code}: {error.message}"

with mlflow.start_run(run_name="again"):
    mlflow.log_metric("second", 1)

client = MlflowClient()
run_id = run.info.run_id
seen = client.get_run(run_id)
listed = {}
for folder in ("", "plots", "plots/deep", "config"):
    listed[folder] = [[f.path, f.is_dir, f.file_size] for f in client.list_artifacts(run_id, folder or None)]
with tempfile.TemporaryDirectory() as folder:
    local = Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="plots", dst_path=folder))
    downloaded = Path(local, "deep", "big.bin").read_bytes() == bytes(range(256)) * 20_000
missing = "found"
try:
    client.get_run("0" * 32)
except MlflowException as error:
    missing = error.error_code

print(
    json.dumps(
        {
            "run_id": run_id,
            "experiment_id": seen.info.experiment_id,
            "name": seen.info.run_name,
            "params": seen.data.params,
            "tags": {key: value for key, value in seen.data.tags.items() if not key.startswith("mlflow.")},
            "note": seen.data.tags["mlflow.note.content"],
            "metrics": {key: repr(value) for key, value in seen.data.metrics.items()},
            "loss": [[m.step, m.value] for m in client.get_metric_history(run_id, "loss")],
            "async": sorted(m.value for m in client.get_metric_history(run_id, "async")),
            "found": [
                found.info.run_id
                for found in mlflow.search_runs(
                    experiment_names=["fashion"],
                    filter_string="metrics.loss < 0.5 and tags.team = 'vision'",
                    output_format="list",
                )
            ],
            "listed": listed,
            "text": mlflow.artifacts.load_text(f"runs:/{run_id}/a note.txt"),
            "dict": mlflow.artifacts.load_dict(f"runs:/{run_id}/config/labels.json"),
            "downloaded": downloaded,
            "changed": changed,
            "missing": missing,
        }
    )
)
