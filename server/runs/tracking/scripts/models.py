"""Logs models as MLflow 3 does, and loads them back by their addresses."""

import json

import mlflow
import numpy as np
import torch


class Doubler(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input * 2


net = torch.nn.Linear(4, 2)
batch = np.arange(8, dtype=np.float32).reshape(2, 4)
with mlflow.start_run() as run:
    doubler = mlflow.pyfunc.log_model(name="doubler", python_model=Doubler(), pip_requirements=["mlflow"])
    linear = mlflow.pytorch.log_model(
        net,
        name="linear",
        step=7,
        params={"width": 2},
        serialization_format="pickle",
        pip_requirements=["torch"],
    )

loaded = mlflow.pytorch.load_model(linear.model_uri)
same = torch.equal(loaded(torch.from_numpy(batch)), net(torch.from_numpy(batch)))
by_run = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/doubler")
found = mlflow.search_logged_models(
    experiment_ids=[run.info.experiment_id], filter_string="name = 'linear'", output_format="list"
)
print(
    json.dumps(
        {
            "doubled": by_run.predict(batch).tolist() == (batch * 2).tolist(),
            "same": same,
            "found": [[model.model_id, str(model.status), model.params] for model in found],
            "linear": linear.model_id,
        }
    )
)
