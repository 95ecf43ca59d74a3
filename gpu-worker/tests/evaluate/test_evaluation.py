"""What is shown as measured is what ONNX Runtime answers, in nested steps that stop when told to."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from gpu_worker.data import Dataset
from gpu_worker.evaluate import (
    Evaluation,
    evaluate,
    evaluation_order,
    latency,
    open_session,
    paired_difference,
    predict,
)
from gpu_worker.importer import InputSpec
from nets import onnx_of
from samples import npz_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return npz_dataset(tmp_path_factory.mktemp("data"), 2600, (20, 12), 5, test_fraction=0.5)


def test_an_evaluation_is_what_a_plain_session_answers(dataset: Dataset) -> None:
    found = evaluate(onnx_of("plain"), dataset)
    assert found.complete
    assert sorted(found.ids) == sorted(dataset.test_ids)
    session = ort.InferenceSession(onnx_of("plain"), providers=["CPUExecutionProvider"])
    right = 0
    for sample in found.ids:
        pixels = (dataset.x[int(sample)].astype(np.float32) / 255 - 0.5) / 0.25
        (scores,) = session.run(None, {session.get_inputs()[0].name: pixels[None, None]})
        right += int(np.asarray(scores).argmax() == dataset.y[sample])
    assert found.accuracy == right / found.n
    assert sum(row.correct for row in found.per_class) == right
    assert [row.n for row in found.per_class] == np.bincount(dataset.y[dataset.test_ids]).tolist()
    low, high = found.interval
    assert low <= found.accuracy <= high


def test_partial_results_are_nested_beginnings_of_the_whole(dataset: Dataset) -> None:
    partial: list[Evaluation] = []
    whole = evaluate(onnx_of("plain"), dataset, on_partial=partial.append)
    assert [step.n for step in partial] == [125, 250, 1000, 1300]
    for step in partial:
        assert np.array_equal(step.ids, whole.ids[: step.n])
        assert np.array_equal(step.answers, whole.answers[: step.n])
    assert np.array_equal(whole.ids, evaluation_order(dataset))


def test_a_stop_keeps_what_was_measured(dataset: Dataset) -> None:
    asked = iter([False, False, True])
    found = evaluate(onnx_of("plain"), dataset, should_stop=lambda: next(asked))
    assert (found.n, found.complete) == (250, False)
    assert paired_difference(found.correct, found.correct, found.total).difference == 0


def test_given_ids_are_measured_in_their_order(dataset: Dataset) -> None:
    ids = dataset.test_ids[::7]
    assert np.array_equal(evaluate(onnx_of("plain"), dataset, ids).ids, ids)


def test_a_model_with_too_few_classes_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    wide = npz_dataset(tmp_path_factory.mktemp("wide"), 64, (20, 12), 8)
    with pytest.raises(ValueError, match="5 classes apart; the dataset has 8"):
        evaluate(onnx_of("plain"), wide)


def test_a_fixed_batch_gives_the_same_scores(dataset: Dataset) -> None:
    model = onnx.load_model_from_string(onnx_of("plain", "torchscript"))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 4
    x = dataset.batch(dataset.test_ids[:10], InputSpec("input", (None, 1, 20, 12)))
    expected = predict(open_session(onnx_of("plain", "torchscript")), x)
    fixed = predict(open_session(model.SerializeToString()), x)
    np.testing.assert_allclose(fixed, expected, rtol=1e-4, atol=1e-5)


def test_latency_compares_on_the_same_rounds(dataset: Dataset) -> None:
    x = dataset.batch(dataset.test_ids[:3], InputSpec("input", (None, 1, 20, 12)))
    found = latency(onnx_of("plain"), onnx_of("plain"), x, batches=(1, 8), rounds=9)
    assert set(found) == {1, 8}
    for row in found.values():
        assert row.n == 9
        assert row.spread[0] <= row.ratio <= row.spread[1]
        assert row.p50_ms > 0
    assert found[8].p50_ms > found[1].p50_ms
    assert latency(onnx_of("plain"), onnx_of("plain"), x, should_stop=lambda: True) == {}
