"""A test batch tells a right mapping from wrong ones, in words that say what and where."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from gpu_worker.data import Dataset, DatasetFile, Split, TaskName, Transform, open_dataset
from gpu_worker.evaluate import TriedBatch, evaluate, evaluation_order, try_batch

CENTRES = np.random.default_rng(5).normal(size=(4, 6)).astype(np.float32)


def opened(
    folder: Path, x: np.ndarray, y: np.ndarray | None, task: TaskName, transform: Transform | None = None
) -> Dataset:
    path = folder / "samples.npz"
    np.savez(path, **({"x": x} if y is None else {"x": x, "y": y}))
    files = [DatasetFile("data", "npz", path)]
    return open_dataset(files, Split("seeded", 7, 0.25), transform or Transform(), task)


@pytest.fixture
def scattered(tmp_path: Path) -> Dataset:
    """Four classes around their centres, stored times 50 and scaled back by the dataset's transform."""
    y = np.arange(400) % 4
    x = CENTRES[y] + np.random.default_rng(6).normal(0, 0.1, (400, 6))
    return opened(tmp_path, (50 * x).astype(np.float32), y, "classification", Transform(scale=0.02))


def linear(
    weight: np.ndarray,
    bias: np.ndarray,
    dtype: int = TensorProto.FLOAT,
    batch: int | str = "n",
    before: str | None = None,
    after: str | None = None,
    also: bool = False,
) -> bytes:
    """x @ weight + bias. before, after: an operator on its input and on its output; also: a second input."""
    nodes = [helper.make_node("Cast", ["x"], ["cast"], to=TensorProto.FLOAT)]
    fed = "cast"
    if before:
        nodes.append(helper.make_node(before, [fed], ["before"]))
        fed = "before"
    nodes.append(helper.make_node("Gemm", [fed, "weight", "bias"], ["gemm"]))
    nodes.append(helper.make_node(after or "Identity", ["gemm"], ["scores"]))
    inputs = [helper.make_tensor_value_info("x", dtype, [batch, len(weight)])]
    if also:
        inputs.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, [batch, 1]))
        nodes[-1] = helper.make_node("Add", ["gemm", "mask"], ["scores"])
    graph = helper.make_graph(
        nodes,
        "linear",
        inputs,
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, len(bias)])],
        [
            numpy_helper.from_array(weight.astype(np.float32), "weight"),
            numpy_helper.from_array(bias.astype(np.float32), "bias"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


NEAREST = linear(CENTRES.T, -0.5 * (CENTRES**2).sum(axis=1))
"""The nearest of the four centres."""


def rules(found: TriedBatch) -> list[tuple[str, str]]:
    return [(problem.rule, problem.level) for problem in found.problems]


def test_a_right_mapping_passes_with_the_figures_of_an_evaluation(scattered: Dataset) -> None:
    found = try_batch(NEAREST, scattered)
    assert (found.verdict, found.problems, found.n, found.finite) == ("passed", [], 64, True)
    assert found.wanted is not None
    assert (found.wanted.name, found.wanted.dtype, found.wanted.shape) == ("x", "float32", (None, 6))
    assert found.fed is not None
    assert (found.fed.dtype, found.fed.shape) == ("float32", (64, 6))
    fed = scattered.x.take(evaluation_order(scattered)[:64]) * np.float32(0.02)
    assert found.range == pytest.approx((fed.min(), fed.max()))
    assert [(output.name, output.dtype, output.shape) for output in found.outputs] == [
        ("scores", "float32", (64, 4))
    ]
    measured = evaluate(NEAREST, scattered, evaluation_order(scattered)[:64])
    assert found.score == measured.accuracy > 0.95
    values, counts = np.unique(measured.answers, return_counts=True)
    assert found.commonest == (values[counts.argmax()], counts.max() / 64)
    assert found.milliseconds is not None
    assert found.milliseconds > 0


def test_a_fixed_batch_is_fed_in_its_own_size(scattered: Dataset) -> None:
    fixed = linear(CENTRES.T, -0.5 * (CENTRES**2).sum(axis=1), batch=10)
    found = try_batch(fixed, scattered)
    assert (found.verdict, found.n, found.outputs[0].shape) == ("passed", 64, (64, 4))
    assert found.score == try_batch(NEAREST, scattered).score


def test_one_class_for_all_is_a_warning_that_says_so(scattered: Dataset) -> None:
    far_off = replace(scattered, transform=Transform(scale=0.02, mean=1000.0))
    found = try_batch(NEAREST, far_off)
    assert (found.verdict, rules(found)) == ("warning", [("answers.same", "warning")])
    assert found.commonest is not None
    assert found.commonest[1] == 1
    label = found.commonest[0]
    assert (
        found.problems[0].message
        == f"All 64 samples got class {label}, though 4 classes are among their labels."
    )
    assert "scaling" in found.problems[0].remedy


def test_one_class_for_all_is_none_where_it_is_right(tmp_path: Path) -> None:
    y = np.zeros(400, np.int64)
    y[:8] = 1
    x = np.random.default_rng(1).normal(size=(400, 6)).astype(np.float32)
    dataset = opened(tmp_path, x, y, "classification")
    found = try_batch(linear(np.zeros((6, 2)), np.array([1, 0])), dataset)
    assert (found.verdict, found.problems) == ("passed", [])


def test_classes_in_another_order_are_a_warning(scattered: Dataset) -> None:
    swapped = np.roll(CENTRES, 1, axis=0)
    found = try_batch(linear(swapped.T, -0.5 * (swapped**2).sum(axis=1)), scattered)
    assert rules(found) == [("answers.chance", "warning")]
    assert found.problems[0].message.startswith("0 of 64 answers are right;")


def test_guesses_are_a_warning_even_where_they_vary(scattered: Dataset) -> None:
    noise = np.random.default_rng(8).normal(size=(6, 4))
    blind = replace(scattered, y=np.random.default_rng(9).integers(0, 4, len(scattered.y)))
    found = try_batch(linear(noise, np.zeros(4)), blind)
    assert found.commonest is not None
    assert found.commonest[1] < 0.9
    labels = blind.y[evaluation_order(blind)[:64]]
    most = np.bincount(labels).max()
    assert rules(found) == [("answers.chance", "warning")]
    assert f"the commonest label alone would be right {most} times" in found.problems[0].message


@pytest.mark.parametrize(
    ("dtype", "word"),
    [(TensorProto.UINT8, "uint8"), (TensorProto.FLOAT16, "float16"), (TensorProto.DOUBLE, "float64")],
)
def test_an_input_of_another_type_is_named(scattered: Dataset, dtype: int, word: str) -> None:
    found = try_batch(linear(CENTRES.T, np.zeros(4), dtype=dtype), scattered)
    assert (found.verdict, rules(found), found.n) == ("failed", [("input.dtype", "error")], 0)
    assert f"'x' takes {word}; samples are fed as float32" in found.problems[0].message
    assert found.problems[0].where == "input 'x'"
    assert (found.fed, found.score, found.finite, found.outputs) == (None, None, None, [])


def test_fractions_that_a_model_of_whole_numbers_loses_are_told(scattered: Dataset) -> None:
    found = try_batch(linear(CENTRES.T, np.zeros(4), dtype=TensorProto.INT64), scattered)
    assert ("input.fractions", "warning") in rules(found)
    assert found.fed is not None
    assert found.fed.dtype == "int64"


def test_answers_that_are_no_numbers_fail(scattered: Dataset) -> None:
    found = try_batch(linear(CENTRES.T, np.zeros(4), before="Sqrt"), scattered)
    assert (found.verdict, found.finite, found.score) == ("failed", False, None)
    assert rules(found) == [("output.finite", "error")]
    negative = (scattered.x.take(evaluation_order(scattered)[:64]) < 0).any(axis=1).sum()
    assert f"answers to {negative} of 64 samples" in found.problems[0].message
    assert found.problems[0].where == "output 'scores'"


@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_values_that_scaling_breaks_fail(scattered: Dataset) -> None:
    found = try_batch(NEAREST, replace(scattered, transform=Transform(scale=1e38)))
    assert found.verdict == "failed"
    assert rules(found)[0] == ("input.finite", "error")


def test_samples_of_another_shape_name_both(tmp_path: Path, scattered: Dataset) -> None:
    found = try_batch(linear(np.ones((5, 4)), np.zeros(4)), scattered)
    assert (found.verdict, rules(found)) == ("failed", [("input.shape", "error")])
    assert "(6,)" in found.problems[0].message
    assert "(5,)" in found.problems[0].message
    assert found.problems[0].where == "input 'x'"


def test_a_second_input_and_too_few_classes_are_told(scattered: Dataset) -> None:
    two = try_batch(linear(CENTRES.T, np.zeros(4), also=True), scattered)
    assert rules(two) == [("input.several", "error")]
    assert "'x', 'mask'" in two.problems[0].message
    few = try_batch(linear(CENTRES[:3].T, np.zeros(3)), scattered)
    assert rules(few) == [("output.shape", "error")]
    assert "3 classes apart; the dataset has 4" in few.problems[0].message
    assert (few.n, few.finite, few.score) == (64, True, None)


def test_a_batch_that_the_runtime_cannot_run_is_told_in_its_words(scattered: Dataset) -> None:
    model = onnx.load_model_from_string(NEAREST)
    shape = numpy_helper.from_array(np.array([1, 6], np.int64), "one")
    model.graph.initializer.append(shape)
    model.graph.node.insert(1, helper.make_node("Reshape", ["cast", "one"], ["row"]))
    model.graph.node[2].input[0] = "row"
    found = try_batch(model.SerializeToString(), scattered)
    assert (found.verdict, rules(found)) == ("failed", [("model.run", "error")])
    assert "Reshape" in found.problems[0].message
    assert found.problems[0].where == "input 'x' given 64 × 6"


def test_numbers_below_their_mean_and_constants_are_warnings(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(400, 6)).astype(np.float32)
    y = (x @ np.ones((6, 1))).astype(np.float32)
    dataset = opened(tmp_path, x, y, "regression")
    right = try_batch(linear(np.ones((6, 1)), np.zeros(1)), dataset)
    assert (right.verdict, right.commonest) == ("passed", None)
    assert right.score == pytest.approx(1)
    scaled = try_batch(linear(20 * np.ones((6, 1)), np.zeros(1)), dataset)
    assert rules(scaled) == [("answers.below_mean", "warning")]
    constant = try_batch(linear(np.zeros((6, 1)), np.ones(1)), dataset)
    assert rules(constant) == [("answers.same", "warning")]


def test_without_labels_only_the_answers_themselves_count(tmp_path: Path) -> None:
    x = np.random.default_rng(3).normal(size=(400, 6)).astype(np.float32)
    dataset = opened(tmp_path, x, None, "unlabelled")
    found = try_batch(NEAREST, dataset)
    assert (found.verdict, found.score, found.commonest) == ("passed", None, None)
    assert rules(try_batch(linear(np.zeros((6, 4)), np.ones(4)), dataset)) == [("answers.same", "warning")]
