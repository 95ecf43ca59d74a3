"""Why a worker's process is gone, from what Ray, its node and the kernel say of it. Pure."""

from __future__ import annotations

import re
from typing import TypedDict

from gpu_worker.agent.process import ProcessSeen
from gpu_worker.agent.rank import Place
from gpu_worker.contract import AttemptSpec, Cause, TrainSpec
from gpu_worker.jobs.memory import in_words

EVIDENCE = 8000
RAYS_FIGURES = re.compile(r"was ([\d.]+ ?\w?B) / ([\d.]+ ?\w?B)")
"""Ray's memory monitor ends a worker with these words: what the node used, and what it has."""


def explain_death(
    rank: int, place: Place, is_up: bool, told: str, seen: ProcessSeen | None, tail: list[str]
) -> Cause:
    """The cause that ends an attempt. is_up: its node; told: by Ray; seen: by the node after the death; tail:
    the last lines of its log. A kill without evidence of memory is a kill.
    """
    who = f"Rank {rank} (process {place['pid']} on node {place['node_id'][:8]})"
    kills = 0 if seen is None else seen["kernel_kills"] - place["kernel_kills"]
    if not is_up or "node has died" in told or "node was terminated" in told:
        kind, message = "node_lost", f"{who} is gone: its node left the cluster."
    elif "running low on memory" in told:  # other deaths only name it as one of the common causes
        found = RAYS_FIGURES.search(told)
        used = f": it used {found.group(1)} of {found.group(2)}" if found else ""
        kind, message = "out_of_memory", f"{who} was ended because the node ran out of memory{used}."
    elif seen is not None and kills > 0:
        processes = "a process" if kills == 1 else f"{kills} processes"
        message = (
            f"{who} was killed, and the kernel has ended {processes} of its control group for want of memory"
            f" since it began; {in_words(seen['free_bytes'])} are free now."
        )
        kind = "out_of_memory"
    else:
        kind, message = "worker_died", f"{who} ended without a word: it was killed or it crashed."
    evidence = "\n".join([*tail, "", told.strip()])
    return Cause(kind=kind, message=message, rank=rank, exit_code=None, evidence=evidence[-EVIDENCE:])


class Following(TypedDict):
    """What follows an attempt: the cause as it is told, whether there is another, and the samples at a time
    that it may compute.
    """

    cause: Cause
    retry: bool
    micro_batch: int | None


def after_shortage(cause: Cause, spec: AttemptSpec, most: int, others_retry: bool) -> Following:
    """What follows when memory ran out where ranks could not agree on a smaller micro-batch.

    most: the samples that each computed at a time, 0 when that is not known; others_retry: whether work other
    than training is tried again.
    """
    work = spec.spec
    if not isinstance(work, TrainSpec):
        return Following(cause=cause, retry=others_retry, micro_batch=None)
    goes_on = work.hyper.on_out_of_memory == "smaller_batch"
    smaller = most // 2 or None
    if smaller is not None:
        follows = goes_on and spec.attempt < spec.max_attempts
        advice = f"{smaller} come next" if follows else "launch it again with more micro-batches a step"
        message = f"{cause.message} Each rank computed {most} samples at a time: {advice}."
        cause = cause.model_copy(update={"message": message})
    # Where no sample is left to leave out it is the node that is short, and another moment may be better.
    return Following(cause=cause, retry=goes_on, micro_batch=smaller)
