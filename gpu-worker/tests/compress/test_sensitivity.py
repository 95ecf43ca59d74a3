"""A scan says what zeroing one layer does to the answers, however often it is left and gone on with."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from gpu_worker.compress import SensitivityScan, SortedWeights
from gpu_worker.compress import sensitivity as module
from gpu_worker.compress.sensitivity import BATCH, RATIOS
from gpu_worker.evaluate import log_probabilities, open_session, predict
from gpu_worker.importer import import_onnx
from nets import NETS, Exporter, example, onnx_of

SAMPLES = 2 * BATCH + 5


def scan(name: str, exporter: Exporter = "dynamo_plain") -> SensitivityScan:
    imported = import_onnx(onnx_of(name, exporter))
    return SensitivityScan(imported, SortedWeights(imported), example(name, SAMPLES).numpy())


def direct(name: str, exporter: Exporter, layer: str, ratio: float) -> float:
    """The same by running the whole network."""
    parent, x = onnx_of(name, exporter), example(name, SAMPLES).numpy()
    weights = SortedWeights(import_onnx(parent))
    pruned = weights.export(weights.mask_for(0.0, {layer: ratio})).SerializeToString()
    p, q = (
        log_probabilities(predict(open_session(data), x).astype(np.float64), False)
        for data in (parent, pruned)
    )
    return float((np.exp(p) * (p - q)).sum(axis=1).mean())


@pytest.mark.parametrize(
    ("name", "exporter"), [*((name, "dynamo_plain") for name in NETS), ("plain", "torchscript")]
)
def test_running_what_lies_behind_a_layer_says_the_same_as_running_all(name: str, exporter: Exporter) -> None:
    found = scan(name, exporter)
    while not found.complete:
        assert found.step()
    assert found.total == len(found.curves) * len(RATIOS)
    for layer, curve in found.curves.items():
        for place in (1, len(RATIOS) - 1):
            assert curve.kl[place] == pytest.approx(
                direct(name, exporter, layer, RATIOS[place]), rel=1e-3, abs=1e-6
            )


def test_a_scan_that_is_stopped_again_and_again_ends_the_same() -> None:
    whole, halting = scan("resnet"), scan("resnet")
    while not whole.complete:
        whole.step()
    asked = count(1)
    stopped = 0
    while not halting.complete:
        done = halting.done
        # In a batch of every kind of run: of the parent, up to a layer, and behind it.
        if not halting.step(lambda: next(asked) % 8 == 0):
            stopped += 1
            assert halting.done == done
    assert stopped > 10
    for name, curve in whole.curves.items():
        assert halting.curves[name].kl.tolist() == curve.kl.tolist()


def test_a_scan_that_may_hold_nothing_runs_all_and_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    roomy = scan("plain")
    while not roomy.complete:
        roomy.step()
    monkeypatch.setattr(module, "HELD_BYTES", 0)
    tight = scan("plain")
    while not tight.complete:
        tight.step()
    for name, curve in roomy.curves.items():
        np.testing.assert_allclose(tight.curves[name].kl, curve.kl, rtol=1e-3, atol=1e-6)


def test_progress_is_told() -> None:
    found = scan("dense")
    assert (found.done, found.eta_seconds, found.curves) == (0, None, {})
    for _ in RATIOS:
        found.step()
    assert found.done == len(RATIOS)
    assert len(found.curves) == 1
    assert (found.eta_seconds or 0) > 0
    while not found.complete:
        found.step()
    assert found.eta_seconds == 0


def test_probabilities_count_as_they_are() -> None:
    logits = np.random.default_rng(0).normal(size=(4, 5))
    logs = log_probabilities(logits, False)
    np.testing.assert_allclose(np.exp(logs).sum(axis=1), 1)
    np.testing.assert_allclose(log_probabilities(np.exp(logs), True), logs)


def test_no_samples_are_refused() -> None:
    imported = import_onnx(onnx_of("dense"))
    with pytest.raises(ValueError, match="at least one sample"):
        SensitivityScan(imported, SortedWeights(imported), np.empty((0, 20), np.float32))
