"""Why ranks stopped stepping: their stacks go to their logs, and who the others wait for is named."""

from __future__ import annotations

from typing import Any

import ray
from ray.exceptions import RayError

from gpu_worker.agent import process
from gpu_worker.agent.rank import Place, Stack
from gpu_worker.agent.stall import Standing, culprits
from gpu_worker.contract import Cause

ANSWER_SECONDS = 8.0
EVIDENCE = 8000


def explain(
    actors: list[Any], places: list[Place], steps: list[int], seconds: float
) -> tuple[list[int], Cause]:
    """The ranks that hold the others up, and the cause that names the first. steps: the last of each rank;
    seconds: since the newest.
    """
    asked = {actor.stack.remote(rank): rank for rank, actor in enumerate(actors)}
    answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=ANSWER_SECONDS)
    stacks = {asked[reference]: _answer(reference) for reference in answered}
    standings = [
        Standing(rank, steps[rank], stack["waits"] if (stack := stacks.get(rank)) else None)
        for rank in range(len(actors))
    ]
    found = culprits(standings)
    if not found:
        texts = [f"Rank {rank}:\n{stack['text']}" for rank, stack in stacks.items() if stack]
        message = f"No rank has made a step for {seconds:.0f} s: each waits for the others, after step"
        return found, _cause(None, f"{message} {max(steps)}.", "\n".join(texts))
    rank = found[0]
    place, stack = places[rank], stacks.get(rank)
    who = f"Rank {rank} (process {place['pid']} on node {place['node_id'][:8]})"
    others = f" So did rank {', '.join(map(str, found[1:]))}." if found[1:] else ""
    message = (
        f"{who} stopped stepping: the last step it told of was {steps[rank]}, {seconds:.0f} s before.{others}"
    )
    if stack is not None:
        return found, _cause(rank, f"{message} Its stack is in its log.", stack["text"])
    return found, _cause(rank, f"{message} {_silence(place)}", "A process that is silent shows no stack.")


def _answer(reference: Any) -> Stack | None:
    try:
        return ray.get(reference)
    except RayError:
        return None


def _silence(place: Place) -> str:
    """What its node says of a process that does not answer."""
    seen = process.look(place["node_id"], place["pid"])
    if seen is None:
        return "Neither it nor its node answers."
    if not seen["state"]:
        return "Its process is gone."
    return f"It does not answer: {process.STATES.get(seen['state'], 'its state is ' + seen['state'])}."


def _cause(rank: int | None, message: str, evidence: str) -> Cause:
    return Cause(kind="stalled", message=message, rank=rank, exit_code=None, evidence=evidence[-EVIDENCE:])
