"""The ranks of one attempt: what they agree on between steps. With one rank nothing is sent."""

from __future__ import annotations

import ipaddress
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.distributed.distributed_c10d import Store
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

MEETING_TIMEOUT = timedelta(minutes=5)
"""Ranks that do not find each other for longer never will."""
COLLECTIVE_TIMEOUT = timedelta(days=1)
"""The driver notices a rank that died or stopped stepping long before, and knows better which one it was."""


LEAVE_TIMEOUT = timedelta(seconds=10)


class ComputeClock:
    """Times what a rank computes of a step by itself: from its beginning until its last gradient is there and
    those of the others are waited for.
    """

    def __init__(self, device: torch.device, on_ready: Callable[[], None] = lambda: None) -> None:
        """on_ready: told at once that this rank waits for the others."""
        self._on_ready = on_ready
        self._began = self._ready = time.perf_counter()
        self._events: tuple[torch.cuda.Event, torch.cuda.Event] | None = None
        if device.type == "cuda":
            self._events = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)

    def begin(self) -> None:
        """A step begins."""
        self._began = time.perf_counter()
        if self._events is not None:
            self._events[0].record()

    def ready(self) -> None:
        """All own gradients are there."""
        self._ready = time.perf_counter()
        if self._events is not None:
            self._events[1].record()
        self._on_ready()

    def seconds(self) -> float:
        """Between the two, as the device worked; waits for it where it is not there yet."""
        if self._events is None:
            return self._ready - self._began
        began, ready = self._events
        ready.synchronize()
        return began.elapsed_time(ready) / 1000


@dataclass(frozen=True)
class Group:
    """One rank's view of its group. `backend` is 'none' for a single rank."""

    rank: int
    world: int
    device: torch.device
    backend: str

    def wrap(self, module: nn.Module, clock: ComputeClock) -> nn.Module:
        """The module with its gradients averaged over the ranks in backward; tells `clock` when the last of
        its own is there. A single rank has nothing to wait for, and tells it nothing.

        BatchNorm statistics stay each rank's own between two `average_buffers`: sending them at every step,
        as DDP does by default, costs a broadcast per step and keeps those of rank 0 only.
        """
        if self.world == 1:
            return module
        devices = [self.device] if self.device.type == "cuda" else None
        wrapped = DistributedDataParallel(
            module, device_ids=devices, forward_sync_buffers=False, gradient_as_bucket_view=True
        )

        # torch compares annotations with classes, and ours are strings.
        def average(group: dist.ProcessGroup, bucket):
            if bucket.is_last():
                clock.ready()
            return allreduce_hook(group, bucket)

        wrapped.register_comm_hook(wrapped.process_group, average)
        return wrapped

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all ranks, in place."""
        if self.world > 1:
            dist.all_reduce(values)
        return values

    def sum_later(self, values: Tensor) -> Pulse:
        """Starts a sum over all ranks that is read a step later, so that nobody waits for it."""
        return Pulse(values, dist.all_reduce(values, async_op=True) if self.world > 1 else None)

    @torch.no_grad()
    def average_buffers(self, module: nn.Module) -> None:
        """Gives all ranks the mean of their running statistics. Called before evaluations and checkpoints, so
        that a resumed run and an uninterrupted one hold the same.
        """
        buffers = [buffer for buffer in module.buffers() if buffer.is_floating_point()]
        if self.world == 1 or not buffers:
            return
        flat = torch.cat([buffer.reshape(-1) for buffer in buffers])
        dist.all_reduce(flat)
        flat /= self.world
        for buffer, mean in zip(buffers, flat.split([b.numel() for b in buffers]), strict=True):
            buffer.copy_(mean.view_as(buffer))


@dataclass(frozen=True)
class Pulse:
    """A sum under way."""

    values: Tensor
    work: dist.Work | None

    def read(self) -> list[float]:
        """Waits for the sum and answers its values."""
        if self.work is not None:
            self.work.wait()
        return self.values.tolist()


@contextmanager
def join_group(
    rank: int, world: int, master_addr: str, master_port: int, device: str, backend: str | None
) -> Iterator[Group]:
    """Meets the other ranks at the master's address and leaves them at the end.

    backend: gloo or nccl; by device when None. Raises RuntimeError when the ranks do not meet.
    """
    chosen = torch.device(device)
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    if world == 1:
        yield Group(0, 1, chosen, "none")
        return
    name = backend or ("nccl" if chosen.type == "cuda" else "gloo")
    if name == "gloo" and _is_loopback(master_addr):
        # Gloo would look up this host's name, which need not lead to an interface the ranks share.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    meeting = rendezvous(f"tcp://{master_addr}:{master_port}", rank, world, timeout=MEETING_TIMEOUT)
    store, _, _ = next(meeting)
    dist.init_process_group(name, store=store, rank=rank, world_size=world, timeout=COLLECTIVE_TIMEOUT)
    try:
        yield Group(rank, world, chosen, name)
        _meet(store, "finished", world, MEETING_TIMEOUT)
    finally:
        dist.destroy_process_group()
    _leave(store, rank, world)


def _meet(store: Store, place: str, world: int, timeout: timedelta) -> None:
    """Waits until every rank is here. A rank that closed its connections as soon as it had read the last sum
    left a peer, which had not read it yet, waiting until the timeout.
    """
    _arrive(store, place, world)
    store.wait([f"{place}/all"], timeout)


def _arrive(store: Store, place: str, world: int) -> None:
    if store.add(place, 1) == world:
        store.set(f"{place}/all", "1")


def _leave(store: Store, rank: int, world: int) -> None:
    """Rank 0 holds the store the others still speak to, so it goes last; it does not wait for the dead."""
    _arrive(store, "left", world)
    if rank == 0:
        with suppress(RuntimeError):
            store.wait(["left/all"], LEAVE_TIMEOUT)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
