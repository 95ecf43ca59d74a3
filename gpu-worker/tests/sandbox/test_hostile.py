"""Every hostile file is answered with rule, place and remedy, within its limits, and leaves no trace."""

from __future__ import annotations

import resource
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gpu_worker.sandbox import ChecklistItem, Inspection, Limits, Refusal, Refused, inspect_model
from gpu_worker.sandbox.magic import check_magic
from gpu_worker.sandbox.structure import check_structure
from hostile import HARMLESS, PARSED, STATIC, chain, pickles, tiny_and_vast
from nets import onnx_of

LIMITS = Limits(memory_bytes=1 << 30, cpu_s=60, wall_s=60.0)
AFTER_KILL_S = 10.0
"""What may pass, on a busy machine, between a limit and the answer."""

OWN_RULES_S = 5.0
"""Processor seconds that our own rules take at most, for any file of the table."""


def look(folder: Path, data: bytes, limits: Limits = LIMITS) -> Inspection | Refusal:
    path = folder / "blob"
    path.write_bytes(data)
    return inspect_model(path, "model.onnx", limits)


def own_rules(data: bytes) -> None:
    check_magic(data, "model.onnx")
    check_structure(data)


def refused_by_own_rules(data: bytes) -> Refusal:
    with pytest.raises(Refused) as refused:
        own_rules(data)
    return refused.value.refusal


def assert_whole(refusal: Refusal, rule: str) -> None:
    """Rule, what, where and how to mend it, each short enough for a page."""
    assert refusal.rule == rule, refusal
    for said in (refusal.message, refusal.where, refusal.remedy):
        assert said
        assert len(said) < 700


@pytest.mark.parametrize("name", STATIC)
def test_own_rules_refuse_it_before_any_parser(name: str) -> None:
    rule, build = STATIC[name]
    data = build()
    before = time.process_time()
    assert_whole(refused_by_own_rules(data), rule)
    assert time.process_time() - before < OWN_RULES_S


def test_pickles_are_refused_in_every_disguise_and_none_is_loaded(tmp_path: Path) -> None:
    trace = tmp_path / "loaded"
    found = pickles(trace)
    for rule, data in found.values():
        assert_whole(refused_by_own_rules(data), rule)
    for name in ("plain, protocol 4", "torch.save", "torch.package"):
        rule, data = found[name]
        answer = look(tmp_path, data)
        assert isinstance(answer, Refusal)
        assert_whole(answer, rule)
    assert len(found) >= 12
    assert not trace.exists()


def test_a_loaded_pickle_would_have_left_its_trace(tmp_path: Path) -> None:
    import pickle  # noqa: TID251  (the proof that the trace above means something)

    trace = tmp_path / "loaded"
    pickle.loads(pickles(trace)["plain, protocol 4"][1])
    assert trace.exists()


@pytest.mark.parametrize("name", PARSED)
def test_parsers_and_limits_refuse_the_rest(tmp_path: Path, name: str) -> None:
    rule, build = PARSED[name]
    limits = replace(LIMITS, wall_s=20.0, cpu_s=20) if rule == "limits.time" else LIMITS
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    found = look(tmp_path, build(), limits)
    assert isinstance(found, Refusal), found
    assert_whole(found, rule)
    assert time.monotonic() - began < limits.wall_s + AFTER_KILL_S
    # Whatever the child took, this process did not: kilobytes, against a gigabyte that the child may have.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - own < 100_000


def test_the_smallest_file_that_asks_for_4_gb_is_small() -> None:
    assert len(tiny_and_vast()) < 180


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_odd_but_harmless_is_accepted(tmp_path: Path, name: str) -> None:
    found = look(tmp_path, HARMLESS[name]())
    assert isinstance(found, Inspection), found


def test_infinities_that_do_not_spread_are_told(tmp_path: Path) -> None:
    """Masks of attention hold them, so they are no reason to refuse; NaN always is."""
    items: list[ChecklistItem] = []
    path = tmp_path / "blob"
    path.write_bytes(HARMLESS["an infinity that is clipped away"]())
    assert isinstance(inspect_model(path, "model.onnx", LIMITS, items.append), Inspection)
    assert "infinity in w" in next(i.detail or "" for i in items if i.id == "checker" and i.state == "ok")


def test_ten_thousand_nodes_are_accepted_within_the_limits(tmp_path: Path) -> None:
    found = look(tmp_path, chain(10_000))
    assert isinstance(found, Inspection), found
    assert [(op.op, op.count) for op in found.ops] == [("Relu", 10_000)]


def test_a_later_inspection_notices_nothing(tmp_path: Path) -> None:
    def facts(found: Inspection | Refusal) -> Inspection:
        assert isinstance(found, Inspection), found
        return replace(found, test_inference=replace(found.test_inference, ms=0.0))

    before = facts(look(tmp_path, onnx_of("dense")))
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    for name in ("two nodes make one tensor", "zip bomb"):
        look(tmp_path, STATIC[name][1]())
    look(tmp_path, PARSED["172 bytes that ask for 4 GB"][1]())
    assert facts(look(tmp_path, onnx_of("dense"))) == before
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
