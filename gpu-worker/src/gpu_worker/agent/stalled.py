"""Why ranks do nothing more: their stacks go to their logs, and who the others wait for is named."""

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
    actors: dict[int, Any], places: list[Place], steps: list[int], seconds: float, is_script: bool
) -> tuple[list[int], Cause]:
    """The ranks that hold the others up, and the cause that names the first. actors: of the ranks that have
    not ended; steps: the last of each rank; seconds: since the newest movement.
    """
    asked = {actor.stack.remote(rank): rank for rank, actor in actors.items()}
    answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=ANSWER_SECONDS)
    stacks = {asked[reference]: _answer(reference) for reference in answered}
    standings = [
        Standing(rank, steps[rank], stack["waits"] if (stack := stacks.get(rank)) else None)
        for rank in actors
    ]
    found = culprits(standings)
    left = [str(rank) for rank in range(len(places)) if rank not in actors]
    gone = f" Rank {', '.join(left)} had ended with exit code 0 before." if is_script and left else ""
    if not found:
        texts = [f"Rank {rank}:\n{stack['text']}" for rank, stack in stacks.items() if stack]
        message = f"{_nobody(steps, seconds, is_script)}: each waits for the others.{gone}"
        return found, _cause(None, message, "\n".join(texts))
    rank = found[0]
    place, stack = places[rank], stacks.get(rank)
    who = f"Rank {rank} (process {place['pid']} on node {place['node_id'][:8]})"
    others = f" So did rank {', '.join(map(str, found[1:]))}." if found[1:] else ""
    message = f"{who} {_stopped(steps[rank], seconds, is_script)}.{others}{gone}"
    if stack is not None:
        return found, _cause(rank, f"{message} Its stack is in its log.", stack["text"])
    return found, _cause(rank, f"{message} {_silence(place)}", "A process that is silent shows no stack.")


def _stopped(step: int, seconds: float, is_script: bool) -> str:
    """What a rank did last."""
    if is_script:
        return f"stopped: no rank has written a line or computed for {seconds:.0f} s"
    if step < 1:
        return f"came to no step: there was nothing new of it for {seconds:.0f} s"
    return f"stopped stepping: the last step it told of was {step}, {seconds:.0f} s before"


def _nobody(steps: list[int], seconds: float, is_script: bool) -> str:
    if is_script:
        return f"No rank has written a line or computed for {seconds:.0f} s"
    if max(steps) < 1:
        return f"No rank came to its first step, and there was nothing new of them for {seconds:.0f} s"
    return f"No rank has made a step for {seconds:.0f} s, after step {max(steps)}"


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
