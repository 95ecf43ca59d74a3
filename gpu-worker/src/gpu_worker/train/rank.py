"""One rank of a training attempt, top to bottom: load, join, step, checkpoint, and on rank 0 the result.

Data parallel by DDP. The gradient of a step is that of the mean loss over the global batch, however many
ranks share it. Randomness is a function of (seed, step, rank) and samples of (seed, step), so a run that was
interrupted at a checkpoint goes on exactly as it would have.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch
import torch._dynamo  # the first optimizer imports it, a second of work that belongs before the start

from gpu_worker.contract import AttemptSpec, TrainResult, TrainSpec
from gpu_worker.jobs.data import open_reference
from gpu_worker.jobs.ports import Door, Stopped
from gpu_worker.learn.optimize import ZeroMasks, build_optimizer, lay_out
from gpu_worker.learn.sampler import SampleStream
from gpu_worker.train.checkpoint import Position, restore
from gpu_worker.train.evaluation import SubsetEvaluation
from gpu_worker.train.fit import MicroBatch
from gpu_worker.train.group import join_group
from gpu_worker.train.loop import TrainingLoop
from gpu_worker.train.reporter import Reporter
from gpu_worker.train.result import build_result
from gpu_worker.train.step import Stepper, refuse_compute
from gpu_worker.train.trainable import load_trainable


def run_rank(
    spec: AttemptSpec,
    rank: int,
    world: int,
    master_addr: str,
    master_port: int,
    device: str,
    door: Door,
    report: Callable[[dict[str, object]], None],
    stop: threading.Event,
) -> TrainResult | None:
    """Trains one rank of `world` and answers the result on rank 0, None on the others and when stopped.

    device: 'cpu' or 'cuda:N'. report: events for the driver, {"event", "rank", "step"} with the last step
    made: 'step' after each, 'alive' amid an evaluation, 'ready' when the rank waits for the others'
    gradients, 'phase' when something without steps begins, 'micro_batch' with the `samples` that are computed
    at a time. stop: set on any rank, all of them leave after the same step, with a checkpoint written. Raises
    ValueError when the spec cannot be trained, OutOfMemory when memory does not suffice for it, RuntimeError
    when a peer is lost.
    """
    train = spec.spec
    if not isinstance(train, TrainSpec):
        raise ValueError(f"run_rank trains; a '{train.kind}' run goes to run_single.")
    hyper = train.hyper
    if hyper.global_batch < world:
        raise ValueError(f"A global batch of {hyper.global_batch} cannot be shared by {world} workers.")
    if hyper.global_batch // world < hyper.accumulate:
        raise ValueError(
            f"{hyper.accumulate} micro-batches cannot be made of the {hyper.global_batch // world} samples of"
            f" a worker: {hyper.global_batch} in a step over {world} workers."
        )
    refuse_compute(hyper.compute, torch.device(device))
    torch.set_num_threads(max(1, int(spec.resources.cpus)))

    dataset = open_reference(door, train.dataset)
    stream = SampleStream(dataset.train_ids, hyper.global_batch, hyper.seed)
    total = stream.steps(hyper.epochs)
    position = Position(0, total, hyper.seed, hyper.global_batch, len(dataset.train_ids))
    last = min(total, hyper.stop_at_step or total)
    reporter = Reporter(door, report, rank, last)
    reporter.phase("preparing", "Loading the model", 0)
    trainable = load_trainable(train, door, dataset)

    with join_group(rank, world, master_addr, master_port, device, train.backend) as group:
        # Channels last is 1.2 times as fast in these convolutions on a CPU.
        module = lay_out(trainable.module.to(group.device), torch.channels_last)
        # A checkpoint holds no masks: they are the zeros of the weights the run started from.
        masks = ZeroMasks(module) if train.keep_masks else None
        optimizer = build_optimizer(module, hyper.optimizer, hyper.lr, hyper.weight_decay)
        if spec.checkpoint is not None:
            stored = restore(str(door.blob(spec.checkpoint.sha256)), module, optimizer)
            if not stored.is_of_run(position):
                raise ValueError(f"The checkpoint belongs to another run: {stored} against {position}.")
            position = stored
            reporter.log(f"resumed at step {position.step} of {last}")
        limit = min(filter(None, (spec.micro_batch, position.micro_batch)), default=None)
        micro = MicroBatch(hyper, group, module, reporter, limit, position.proven)
        stepper = Stepper(
            train, group, module, optimizer, masks, dataset, trainable, stream, door, reporter.ready, micro
        )
        evaluation = SubsetEvaluation(dataset, trainable, group, reporter.alive)
        loop = TrainingLoop(
            hyper, group, module, optimizer, stepper, evaluation, position, door, reporter, stop
        )
        finished = loop.run()
        seconds = loop.position.seconds
    if not finished or rank != 0:
        return None
    module = lay_out(module.to("cpu"), torch.contiguous_format).eval()
    try:
        return build_result(spec, train, trainable, module, dataset, door, reporter, group, seconds, stop)
    except Stopped:
        return None
