"""The shapes that workers, sessions, replicas and the agent exchange with the console.

`models.py` is generated from the Zod contracts of the server (`npm run contract`); CI fails when they drift.
Names on the wire are camelCase: send with `to_wire`, read with `Model.model_validate`.
"""

from typing import Any

from pydantic import BaseModel

from gpu_worker.contract.models import *  # noqa: F403


def to_wire(message: BaseModel) -> dict[str, Any]:
    """The JSON object of a message, with the names that the server expects."""
    return message.model_dump(mode="json", by_alias=True)
