"""Checkpoints: everything a run needs to go on as if nothing had happened, in one safetensors file.

Tensors are the model's and the optimizer's; the header carries a JSON of the step, the seed and the shape of
the sample stream. Randomness and the sampler are functions of (seed, step), so these two are their whole
state. Nothing is pickled.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from gpu_worker.contract import CheckpointReport
from gpu_worker.jobs.ports import Door

FORMAT = "lathe-checkpoint-1"
OF_A_RUN = ("total_steps", "seed", "global_batch", "train_samples")
"""What of a position never changes while a run goes on."""


@dataclass(frozen=True)
class Position:
    """Where a run stands: steps done, what the sample stream and the randomness are functions of, the seconds
    trained so far, earlier attempts included, how often a divergence lowered the rate, the losses that the
    next one is judged by, the samples at a time that memory suffices for where the launch asked for more,
    and the samples at a time that steps were made with.
    """

    step: int
    total_steps: int
    seed: int
    global_batch: int
    train_samples: int
    seconds: float = 0.0
    lowered: int = 0
    losses: tuple[float, ...] = ()
    micro_batch: int | None = None
    proven: int = 0

    def is_of_run(self, other: Position) -> bool:
        """Whether both are places in the same run."""
        return all(getattr(self, name) == getattr(other, name) for name in OF_A_RUN)


@dataclass(frozen=True)
class Snapshot:
    """A copy of the training state on the CPU, safe from the steps that follow."""

    position: Position
    tensors: dict[str, Tensor]
    metrics: dict[str, float]


def snapshot(
    module: nn.Module, optimizer: torch.optim.Optimizer, position: Position, metrics: dict[str, float]
) -> Snapshot:
    """Copies the state between two steps. Takes about a millisecond per million parameters."""
    tensors = {f"model.{name}": value for name, value in module.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors.update(
            {f"optimizer.{index}.{name}": value for name, value in state.items() if value is not None}
        )
    copied = {name: value.detach().to("cpu", copy=True).contiguous() for name, value in tensors.items()}
    return Snapshot(position, copied, metrics)


def pack(taken: Snapshot) -> bytes:
    """The bytes of a checkpoint file."""
    return save(taken.tensors, {"format": FORMAT, "position": json.dumps(asdict(taken.position))})


def restore(path: str, module: nn.Module, optimizer: torch.optim.Optimizer) -> Position:
    """Loads a checkpoint file into the module and the optimizer, in place, and answers where the run stands.

    Raises ValueError when the file is no checkpoint or belongs to another model.
    """
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except SafetensorError as error:
        raise ValueError(
            f"The checkpoint cannot be read: {error}. Start the run again without it."
        ) from error
    if header.get("format") != FORMAT:
        raise ValueError(f"This is no checkpoint of a training run (format {header.get('format')!r}).")
    _load(tensors, module, optimizer)
    stored = json.loads(header["position"])
    return Position(**stored | {"losses": tuple(stored.get("losses", ()))})


def put_back(taken: Snapshot, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Loads a snapshot into the module and the optimizer, in place. The snapshot stays as it is."""
    _load(taken.tensors, module, optimizer)


def _load(tensors: dict[str, Tensor], module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    own = module.state_dict()
    weights = {name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")}
    if own.keys() != weights.keys() or any(own[name].shape != weights[name].shape for name in own):
        raise ValueError("The checkpoint belongs to another model: names or shapes of its tensors differ.")
    module.load_state_dict(weights)
    _restore_optimizer(optimizer, tensors)


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
            like = parameters[int(index)]
            # Moments take the memory layout of their parameter: bitwise the same steps as without the
            # interruption.
            is_moment = value.shape == like.shape and value.ndim
            moved = torch.empty_like(like).copy_(value) if is_moment else value.clone()
            state.setdefault(int(index), {})[key] = moved
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


class CheckpointWriter:
    """Stores snapshots in a background thread. Only the newest waiting one is written: a slow door costs
    checkpoints, never steps."""

    def __init__(self, door: Door, on_stored: Callable[[int, int], None]) -> None:
        self._door = door
        self._on_stored = on_stored
        self._changed = threading.Condition()
        self._waiting: Snapshot | None = None
        self._closed = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="checkpoint-writer", daemon=True)
        self._thread.start()

    def submit(self, taken: Snapshot) -> None:
        """Hands over a snapshot and returns at once. Raises what stopped an earlier write."""
        with self._changed:
            self._raise_error()
            self._waiting = taken
            self._changed.notify_all()

    def close(self) -> None:
        """Writes what waits, then ends the thread. Raises what stopped a write."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()
        self._raise_error()

    def _raise_error(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting is not None or self._closed)
                taken, self._waiting = self._waiting, None
            if taken is None:
                return
            try:
                artifact = self._door.put_blob(pack(taken))
                self._door.checkpoint(
                    CheckpointReport(
                        step=taken.position.step,
                        sha256=artifact.sha256,
                        bytes=artifact.bytes,
                        metrics=taken.metrics,
                    )
                )
                self._on_stored(taken.position.step, artifact.bytes)
            except BaseException as error:  # handed to the training thread, which stops with it
                with self._changed:
                    self._error = error
