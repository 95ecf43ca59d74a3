"""One worker of an attempt: an actor that does a rank's work and tells the driver how it goes."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import ray

from gpu_worker.agent import warm
from gpu_worker.agent.rank_usage import RankUsage, gpus_of_process
from gpu_worker.contract import AttemptSpec, to_wire
from gpu_worker.door import Door, DoorLogHandler, StaleAttempt, tee_output
from gpu_worker.jobs.memory import OutOfMemory, is_out_of_memory, kernel_kills, shortage
from gpu_worker.script.handle import Handle

if TYPE_CHECKING:
    from gpu_worker.script import ScriptFailed, Seat

TAIL_LINES = 40
EVENT_SECONDS = 0.2
POLL_SECONDS = 2.0
FLUSH_SECONDS = 5.0
COLLECTIVES = os.path.join("gpu_worker", "train", "group.py")
"""A rank whose stack leads through this file waits for others, or is about to."""
COLLECTIVES_OF_TORCH = "torch/distributed/"
"""The same of a script."""
SHOW_SECONDS = 6.0
"""How long a script's processes may take to write where they are, and the console to hear of it."""


class Place(TypedDict):
    """Where a rank runs. `gpus`: those that are its own, as CUDA_VISIBLE_DEVICES names them. `kernel_kills`:
    processes that the kernel has ended there for want of memory until now.
    """

    node_id: str
    pid: int
    device: str
    address: str
    gpus: list[str]
    kernel_kills: int


class Events(TypedDict):
    """What a rank did: its newest step and the last lines of its log. `beat` counts all that it told;
    `stepping`: what it does now is made of steps; `micro_batch`: samples it computes at a time, 0 unless
    told.
    """

    step: int
    beat: int
    stepping: bool
    micro_batch: int
    tail: list[str]


class Stack(TypedDict):
    """Where the thread that works is. `waits`: for other ranks."""

    text: str
    waits: bool


class Outcome(TypedDict):
    """How a rank ended. `result` only on rank 0 of work that finished; `author` when the spec is at fault;
    `exit_code` of a script that ended badly.
    """

    state: Literal["done", "stopped", "error", "stale"]
    result: dict[str, Any] | None
    message: str
    evidence: str
    at: float
    author: bool
    kind: Literal["worker_error", "out_of_memory"]
    exit_code: int | None


class Rank:
    """Runs in its own process. `run` blocks in one thread while `events` and `stop` answer in others."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._step = -1
        self._beat = 0
        self._stepping = False
        self._waits = False
        self._micro_batch = 0
        self._working: tuple[int, Door] | None = None
        self._script: Handle | None = None
        self._ended = threading.Event()
        self._version = 0
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)

    def place(self, gpus: float, kind: str) -> Place:
        """Where this rank is."""
        context = ray.get_runtime_context()
        return Place(
            node_id=context.get_node_id(),
            pid=os.getpid(),
            # A script imports torch itself.
            device="cpu" if gpus == 0 else "cuda:0" if kind == "script" else self._device(),
            address=ray.util.get_node_ip_address(),
            gpus=gpus_of_process() if gpus > 0 else [],
            kernel_kills=kernel_kills(),
        )

    def free_port(self) -> int:
        """A port of this machine that nobody listens on now, for the ranks to meet at."""
        with socket.socket() as probe:
            probe.bind(("", 0))
            return int(probe.getsockname()[1])

    def run(
        self,
        spec_json: str,
        rank: int,
        world: int,
        address: str,
        port: int,
        device: str,
        url: str,
        token: str,
        seat: Seat | None,
    ) -> Outcome:
        """Does the work and answers how it ended; raises nothing. seat: of a script's rank only."""
        spec = AttemptSpec.model_validate_json(spec_json)
        self._stop.clear()
        self._ended.clear()
        self._step, self._stepping, self._waits, self._micro_batch = -1, False, False, 0
        self._script = Handle() if seat is not None else None
        warm.wait()
        os.environ |= {
            "RANK": str(rank),
            "WORLD_SIZE": str(world),
            "LOCAL_RANK": device.partition(":")[2] or "0",
            "MASTER_ADDR": address,
            "MASTER_PORT": str(port),
        }
        door = Door(url, token, on_log=self._remember, on_chunk=self._move)
        write = partial(door.log, rank)
        self._working = threading.get_ident(), door
        handler = DoorLogHandler(write)
        logging.getLogger("gpu_worker").addHandler(handler)
        try:
            gpus = [] if device == "cpu" else gpus_of_process()
            with RankUsage(door, rank, gpus, self._script, self._move):
                if seat is not None:
                    return self._run_script(spec, seat, url, token, door)
                with tee_output(write):
                    return self._work(spec, rank, world, address, port, device, door)
        except StaleAttempt as stale:
            return outcome("stale", message=str(stale))
        except ValueError as error:
            return self._failed(error, write, rank, author=True)
        except Exception as error:
            return self._failed(error, write, rank, author=isinstance(error, OutOfMemory))
        finally:
            self._working = self._script = None
            logging.getLogger("gpu_worker").removeHandler(handler)
            door.close(10)
            self._ended.set()

    def events(self, after: int) -> tuple[int, Events]:
        """What happened since version `after`, as soon as there is something; at most five answers a
        second.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._version > after, POLL_SECONDS)
        time.sleep(EVENT_SECONDS)
        with self._changed:
            return self._version, Events(
                step=self._step,
                beat=self._beat,
                stepping=self._stepping,
                micro_batch=self._micro_batch,
                tail=list(self._tail),
            )

    def stack(self, rank: int) -> Stack | None:
        """Writes where each Python thread is to the rank's log and answers where the work is; None without
        work. A script ends with that: a signal has its processes write their stacks.
        """
        if self._working is None:
            return None
        worker, door = self._working
        if (script := self._script) is not None:
            script.show.set()
            self._ended.wait(SHOW_SECONDS)
            text = "\n".join(self._tail)
            return Stack(text=text, waits=COLLECTIVES_OF_TORCH in text)
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        stacks = {ident: traceback.extract_stack(frame) for ident, frame in sys._current_frames().items()}
        own = stacks.pop(worker, traceback.StackSummary())
        text = "".join(own.format())
        others = "".join(
            f"Thread {names.get(ident, ident)}:\n{''.join(found.format())}" for ident, found in stacks.items()
        )
        door.log(rank, f"Stack of the thread that works, most recent call last:\n{text}{others}")
        door.flush(FLUSH_SECONDS)
        return Stack(text=text, waits=self._waits or any(COLLECTIVES in frame.filename for frame in own))

    def stop(self) -> None:
        """Asks the work to end where nothing is left half-done."""
        self._stop.set()

    def _device(self) -> str:
        warm.wait()
        import torch

        return "cuda:0" if torch.cuda.is_available() else "cpu"

    def _work(
        self, spec: AttemptSpec, rank: int, world: int, address: str, port: int, device: str, door: Door
    ) -> Outcome:
        from gpu_worker.jobs import Stopped, run_single

        if spec.spec.kind == "train":
            from gpu_worker.train import run_rank

            result = run_rank(spec, rank, world, address, port, device, door, self._report, self._stop)
            if result is None and self._stop.is_set():
                return outcome("stopped")
        else:
            try:
                result = run_single(spec, door, self._stop)
            except Stopped:
                return outcome("stopped")
        return outcome("done", result=to_wire(result) if result is not None else None)

    def _run_script(self, spec: AttemptSpec, seat: Seat, url: str, token: str, door: Door) -> Outcome:
        from gpu_worker.jobs import Stopped
        from gpu_worker.script import ScriptFailed, run_script

        logging.getLogger("gpu_worker.script").setLevel(logging.INFO)
        try:
            result = run_script(spec, seat, url, token, door, self._stop, self._script)
        except Stopped:
            return outcome("stopped")
        except ScriptFailed as failed:
            return self._ended_badly(failed)
        except ValueError as error:
            door.log(seat.rank, f"{error}\n")
            return outcome("error", message=str(error), evidence="\n".join(self._tail), author=True)
        return outcome("done", result=to_wire(result) if result is not None else None)

    def _ended_badly(self, failed: ScriptFailed) -> Outcome:
        found = outcome("error", message=str(failed), evidence="\n".join(self._tail), author=True)
        return Outcome(**{**found, "kind": failed.kind, "exit_code": failed.exit_code, "at": failed.at})

    def _failed(self, error: Exception, write: Callable[[str], None], rank: int, author: bool) -> Outcome:
        write(traceback.format_exc())
        message = f"{type(error).__name__}: {error}"
        if not is_out_of_memory(error):
            return outcome("error", message=message, evidence="\n".join(self._tail), author=author)
        said = str(error) if author else f"Rank {rank} ran out of memory: it {shortage(error)}."
        found = outcome("error", message=said, evidence="\n".join(self._tail), author=author)
        return Outcome(**{**found, "kind": "out_of_memory"})

    def _report(self, event: dict[str, object]) -> None:
        told, step = event["event"], event["step"]
        with self._changed:
            self._waits = told == "ready"
            if self._waits:
                return
            if told == "step" and isinstance(step, int):
                self._step = step
            if told == "micro_batch" and isinstance(event["samples"], int):
                self._micro_batch = event["samples"]
            self._beat += 1
            self._stepping = told != "phase"
            self._version += 1
            self._changed.notify_all()

    def _move(self) -> None:
        """Something goes on that has no steps."""
        with self._changed:
            self._beat += 1

    def _remember(self, text: str) -> None:
        with self._changed:
            self._tail.extend(text.splitlines())
            if self._step < 1:
                self._beat += 1
            self._version += 1
            self._changed.notify_all()


def outcome(
    state: Literal["done", "stopped", "error", "stale"],
    result: dict[str, Any] | None = None,
    message: str = "",
    evidence: str = "",
    author: bool = False,
) -> Outcome:
    """How a rank ended, now."""
    return Outcome(
        state=state,
        result=result,
        message=message,
        evidence=evidence,
        at=time.time(),
        author=author,
        kind="worker_error",
        exit_code=None,
    )
