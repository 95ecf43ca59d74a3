"""Goes on after its attempt is over, as a process does that was cut off; says how long it took to be told."""

import json
import time

import mlflow
from mlflow.exceptions import MlflowException

began = time.monotonic()
try:
    with mlflow.start_run():
        mlflow.log_metric("late", 1)
    said = "not refused"
except MlflowException as error:
    said = f"{error.error_code}: {error.message}"
print(json.dumps({"said": said, "seconds": time.monotonic() - began}))
