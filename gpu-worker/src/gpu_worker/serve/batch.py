"""Requests that wait together run together: dynamic batching in front of one model.

Nothing waits while the model is idle. Requests that come while it runs are joined by their first axis for the
next run, so how many that are sets itself by the load.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np

Arrays = dict[str, np.ndarray]

TURNS = 3
"""Turns of the loop until what has arrived stands in the queue: one reads the sockets, one begins the
requests, one parses them."""


class Busy(Exception):
    """The queue is full."""


class Interest:
    """How many still wait for a run; `end` is called when nobody does, so that the run may stop."""

    def __init__(self, waiters: int) -> None:
        self._waiters = waiters
        self.end: Callable[[], None] = lambda: None

    def drop(self) -> None:
        self._waiters -= 1
        if self._waiters == 0:
            self.end()


Run = Callable[[list[str], Arrays, int, Interest], Awaitable[list[np.ndarray]]]
"""Runs the model: names of outputs, inputs, their rows, and who waits."""


@dataclass(frozen=True)
class Limits:
    """batch: rows to which requests are joined, 0 or 1 joins none. delay: seconds that a request may wait for
    others. queue: requests that may wait. lanes: runs at a time.
    """

    batch: int
    delay: float
    queue: int
    lanes: int = 1


@dataclass(frozen=True)
class Answer:
    """A request's outputs. batch: how many requests ran with it, for the first of them; None for the others,
    so that who counts these counts runs.
    """

    outputs: list[np.ndarray]
    batch: int | None


@dataclass(eq=False)
class _Waiting:
    inputs: Arrays
    outputs: list[str]
    rows: int
    key: tuple[object, ...] | None
    """What requests that may run together have in common; None for one that runs alone."""
    since: float
    answer: asyncio.Future[Answer]
    interest: Interest | None = None


class Batcher:
    """The queue in front of a model, and the lanes that work it off. Lives on one event loop."""

    def __init__(self, run: Run, limits: Limits) -> None:
        self._run = run
        self._limits = limits
        self._queue: dict[_Waiting, None] = {}
        self._arrived = asyncio.Event()
        self._crowd = 1
        """Requests of the last run: as many are likely to come again, and worth the delay."""
        self._lanes: list[asyncio.Task[None]] = []

    @property
    def depth(self) -> int:
        """Requests that wait."""
        return len(self._queue)

    def submit(self, inputs: Arrays, outputs: list[str], timeout: float) -> asyncio.Future[Answer]:
        """Queues a checked request. Cancelling the future takes it out of the queue, and stops its run when
        nobody else is in it.

        timeout: seconds until the future raises TimeoutError. Else it raises what the model does. Raises
        Busy.
        """
        if len(self._queue) >= self._limits.queue:
            raise Busy
        loop = asyncio.get_running_loop()
        if not self._lanes:
            self._lanes = [loop.create_task(self._work()) for _ in range(max(1, self._limits.lanes))]
        rows, key = self._joinable(inputs, outputs)
        waiting = _Waiting(inputs, outputs, rows, key, loop.time(), loop.create_future())
        expiry = loop.call_later(timeout, _expire, waiting.answer)

        def settle(answer: asyncio.Future[Answer]) -> None:
            expiry.cancel()
            self._queue.pop(waiting, None)
            if waiting.interest is not None:
                waiting.interest.drop()

        waiting.answer.add_done_callback(settle)
        self._queue[waiting] = None
        self._arrived.set()
        return waiting.answer

    def _joinable(self, inputs: Arrays, outputs: list[str]) -> tuple[int, tuple[object, ...] | None]:
        lengths = {len(array) if array.ndim else 1 for array in inputs.values()}
        rows = max(lengths, default=1)
        if len(lengths) != 1 or rows >= self._limits.batch:
            return rows, None
        shapes = tuple((name, inputs[name].shape[1:]) for name in sorted(inputs))
        return rows, (tuple(outputs), shapes)

    async def _work(self) -> None:
        while True:
            while not self._queue:
                self._arrived.clear()
                await self._arrived.wait()
            if self._limits.batch > 1:
                await self._gather()
            group = self._take()
            if group:
                self._crowd = len(group)
                await self._answer(group)

    async def _gather(self) -> None:
        """Waits until those that have arrived are in the queue; after a run of several also for others, until
        as many are there again or the oldest has waited for the delay.
        """
        for _ in range(TURNS):
            await asyncio.sleep(0)
        oldest = next(iter(self._queue), None)
        if oldest is None or len(self._queue) >= self._crowd:
            return
        try:
            async with asyncio.timeout_at(oldest.since + self._limits.delay):
                while len(self._queue) < self._crowd:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            return

    def _take(self) -> list[_Waiting]:
        """Takes the oldest request out of the queue, with those that can run with it, up to the batch."""
        group: list[_Waiting] = []
        rows = 0
        for waiting in list(self._queue):
            if waiting.answer.done():
                # Its callback takes it out a turn later; until then it would keep a lane busy with nothing.
                del self._queue[waiting]
                continue
            joins = waiting.key is not None and waiting.key == group[0].key if group else True
            if not joins or (group and rows + waiting.rows > self._limits.batch):
                continue
            group.append(waiting)
            rows += waiting.rows
            del self._queue[waiting]
            if waiting.key is None or rows >= self._limits.batch:
                break
        return group

    async def _answer(self, group: list[_Waiting]) -> None:
        """Runs requests as one. When that fails each runs alone, so that one never harms another."""
        interest = Interest(len(group))
        for waiting in group:
            waiting.interest = interest
        rows = [waiting.rows for waiting in group]
        try:
            outputs = await self._run(group[0].outputs, _joined(group), sum(rows), interest)
            shares = [outputs] if len(group) == 1 else _split(outputs, rows)
        except Exception as error:  # ONNX Runtime's errors share no class of their own
            if len(group) == 1:
                if not group[0].answer.done():
                    group[0].answer.set_exception(error)
                return
            for waiting in group:
                if not waiting.answer.done():
                    await self._answer([waiting])
            return
        for index, (waiting, share) in enumerate(zip(group, shares, strict=True)):
            if not waiting.answer.done():
                waiting.answer.set_result(Answer(share, None if index else len(group)))


def _expire(answer: asyncio.Future[Answer]) -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())


def _joined(group: Sequence[_Waiting]) -> Arrays:
    if len(group) == 1:
        return group[0].inputs
    return {name: np.concatenate([w.inputs[name] for w in group]) for name in group[0].inputs}


def _split(outputs: list[np.ndarray], rows: list[int]) -> list[list[np.ndarray]]:
    """Each request's part of every output. Raises ValueError when an output has another number of rows."""
    total = sum(rows)
    if any(output.ndim == 0 or len(output) != total for output in outputs):
        raise ValueError("the outputs do not have the inputs' rows")
    edges = np.cumsum(rows)[:-1]
    parts = [np.split(output, edges) for output in outputs]
    return [list(share) for share in zip(*parts, strict=True)]
