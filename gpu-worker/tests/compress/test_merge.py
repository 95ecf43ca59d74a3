"""Merges give back each parent at its end, keep what both agree on, and refuse what is not one graph."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import numpy_helper

from gpu_worker.compress import Compressor, Merge, Recipe, apply_recipe, fold_batchnorm, recipe_digest
from gpu_worker.compress.merge import RECALIBRATION_SAMPLES, elect, merge_tensors, trim
from gpu_worker.data import Dataset
from gpu_worker.evaluate import open_session, predict
from gpu_worker.importer import Imported, export_onnx, import_onnx, reinsert_batchnorm
from nets import onnx_of
from samples import npz_dataset

A, B, C = "a" * 64, "b" * 64, "c" * 64
Method = Any
tensor = arrays.arrays(np.float32, (3, 4), elements=st.floats(-8, 8, width=32))
weights = st.floats(0, 1)


def merge(method: Method, weight: float = 0.5, **over: Any) -> Merge:
    return Merge(method=method, weight=weight, partner=B, ancestor=C, **over)


def merged(how: Merge, a: np.ndarray, b: np.ndarray, ancestor: np.ndarray | None = None) -> np.ndarray:
    before = None if ancestor is None else {"w": ancestor}
    return merge_tensors(how, {"w": a}, {"w": b}, before)["w"]


@given(tensor, tensor)
def test_the_ends_of_soup_and_slerp_are_the_two_versions_bit_for_bit(a: np.ndarray, b: np.ndarray) -> None:
    for method in ("soup", "slerp"):
        np.testing.assert_array_equal(merged(merge(method, 0), a, b), a)
        np.testing.assert_array_equal(merged(merge(method, 1), a, b), b)


@given(tensor, tensor, tensor)
def test_the_ends_of_arithmetic_and_of_untrimmed_ties_are_the_two_versions(
    a: np.ndarray, b: np.ndarray, ancestor: np.ndarray
) -> None:
    for method in ("arithmetic", "ties"):
        np.testing.assert_allclose(merged(merge(method, 0, density=1), a, b, ancestor), a, atol=1e-6)
        np.testing.assert_allclose(merged(merge(method, 1, density=1), a, b, ancestor), b, atol=1e-6)


@given(tensor, tensor, weights)
def test_equal_versions_merge_to_themselves(a: np.ndarray, ancestor: np.ndarray, t: float) -> None:
    for method in ("soup", "slerp"):
        np.testing.assert_array_equal(merged(merge(method, t), a, a), a)
    for method in ("arithmetic", "ties"):
        np.testing.assert_allclose(merged(merge(method, t, density=1), a, a, ancestor), a, atol=1e-6)


@given(tensor, tensor, weights)
def test_slerp_between_tensors_of_one_length_keeps_that_length(
    a: np.ndarray, b: np.ndarray, t: float
) -> None:
    lengths = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    if min(lengths) < 1e-3:
        return
    a, b = (a / lengths[0]).astype(np.float32), (b / lengths[1]).astype(np.float32)
    # Opposite tensors have no one arc between them.
    if float(np.vdot(a, b)) > -0.99:
        assert np.linalg.norm(merged(merge("slerp", t), a, b)) == pytest.approx(1, abs=1e-4)


@given(tensor, tensor, tensor)
def test_ties_of_changes_that_agree_is_their_mean_when_nothing_is_trimmed(
    a: np.ndarray, b: np.ndarray, ancestor: np.ndarray
) -> None:
    up, down = ancestor + np.abs(a), ancestor + np.abs(b)
    expected = ancestor + (up - ancestor + (down - ancestor)) / 2
    agree = (up > ancestor) & (down > ancestor)
    found = merged(merge("ties", density=1), up, down, ancestor)
    np.testing.assert_allclose(found[agree], expected[agree], rtol=1e-5, atol=1e-5)


@given(tensor, tensor, weights)
def test_an_elected_value_lies_between_the_values_that_have_its_sign(
    a: np.ndarray, b: np.ndarray, t: float
) -> None:
    a, b = a.astype(np.float64), b.astype(np.float64)
    found = elect(a, b, t)
    assert (np.abs(found) <= np.maximum(np.abs(a), np.abs(b)) + 1e-12).all()
    assert (np.sign(found) * np.sign((1 - t) * a + t * b) >= 0).all()


@given(tensor, weights)
def test_trimming_keeps_the_share_asked_for_and_nothing_smaller_than_what_goes(
    change: np.ndarray, density: float
) -> None:
    kept = trim({"w": change}, density)["w"]
    stays = kept != 0
    np.testing.assert_array_equal(kept[stays], change[stays])
    asked = int(np.ceil(density * change.size))
    assert stays.sum() >= min(asked, np.count_nonzero(change))
    gone = np.abs(change[~stays])
    assert not stays.any() or not gone.any() or gone.max() <= np.abs(change[stays]).min()


def test_a_scale_of_two_adds_both_changes_to_the_ancestor() -> None:
    a, b, ancestor = (np.array([value], np.float32) for value in (3.0, -1.0, 1.0))
    assert merged(merge("arithmetic", scale=2), a, b, ancestor) == pytest.approx(1 + 2 - 2)
    with pytest.raises(ValueError, match="needs the weights of the shared ancestor"):
        merged(merge("ties"), a, b)


class Family:
    """An ancestor and two fine-tunes of it that saw other samples."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        start = import_onnx(onnx_of("resnet"))
        self.ancestor = tuned(start, dataset, 30, seed=0)
        base = import_onnx(self.ancestor)
        self.a, self.b = tuned(base, dataset, 12, seed=1), tuned(base, dataset, 12, seed=2)
        self.blobs = {A: self.a, B: self.b, C: self.ancestor}

    def right(self, model: bytes) -> float:
        ids = self.dataset.test_ids
        scores = predict(open_session(model), self.dataset.batch(ids, import_onnx(self.a).input))
        return float((scores.argmax(1) == self.dataset.y[ids]).mean())


def tuned(imported: Imported, dataset: Dataset, steps: int, seed: int) -> bytes:
    module = copy.deepcopy(imported.module).train()
    optimizer = torch.optim.AdamW(module.parameters(), lr=2e-3)
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        ids = rng.choice(dataset.train_ids, 64, replace=False)
        loss = F.cross_entropy(
            module(torch.from_numpy(dataset.batch(ids, imported.input))),
            torch.from_numpy(dataset.y[ids].astype(np.int64)),
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return export_onnx(imported, module.eval())


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    return Family(npz_dataset(tmp_path_factory.mktemp("data"), 1200, (28, 28), 10))


@pytest.mark.parametrize("method", ["soup", "slerp", "arithmetic", "ties"])
def test_two_fine_tunes_of_one_net_keep_their_accuracy(family: Family, method: Method) -> None:
    worse = min(family.right(family.a), family.right(family.b))
    assert worse > 0.9
    recipe = Recipe(merge=merge(method, density=0.5))
    made = apply_recipe(family.a, recipe, family.dataset, relative=family.blobs.__getitem__)
    assert family.right(made.onnx) >= worse - 0.02
    assert made.onnx not in family.blobs.values()
    # Through the warm compressor and through a commit: the same bytes.
    warm = Compressor(import_onnx(family.a), family.dataset)
    assert warm.merged(recipe, family.blobs.__getitem__).build(recipe).onnx == made.onnx


def test_the_ends_are_the_files_of_the_two_versions(family: Family) -> None:
    for weight, expected in ((0.0, family.a), (1.0, family.b)):
        recipe = Recipe(merge=merge("soup", weight))
        made = apply_recipe(family.a, recipe, family.dataset, relative=family.blobs.__getitem__)
        assert made.onnx == expected


def test_a_merge_measures_the_statistics_of_batchnorm_anew(family: Family) -> None:
    made = apply_recipe(
        family.a, Recipe(merge=merge("soup")), family.dataset, relative=family.blobs.__getitem__
    )
    models = [onnx.load_model_from_string(data) for data in (family.a, family.b, made.onnx)]
    mean_name = next(n.input[3] for n in models[0].graph.node if n.op_type == "BatchNormalization")
    first, second, found = (
        numpy_helper.to_array(next(t for t in model.graph.initializer if t.name == mean_name))
        for model in models
    )
    assert not np.allclose(found, (first + second) / 2)
    # Of what the first convolution gives on the samples that calibrate.
    compressor = Compressor(import_onnx(made.onnx), family.dataset)
    module = compressor.imported.module
    conv = next(part for part in module.modules() if isinstance(part, torch.nn.Conv2d))
    with torch.no_grad():
        values = conv(torch.from_numpy(compressor.calibration(RECALIBRATION_SAMPLES, 0)))
    assert found == pytest.approx(values.mean((0, 2, 3)).numpy(), abs=1e-4)


def test_a_merge_comes_before_the_other_steps(family: Family) -> None:
    alone = apply_recipe(
        family.a, Recipe(merge=merge("slerp")), family.dataset, relative=family.blobs.__getitem__
    )
    steps = {"channels": 0.5, "sparsity": 0.4, "precision": "int8", "calibration_samples": 512}
    both = apply_recipe(
        family.a, Recipe(merge=merge("slerp"), **steps), family.dataset, relative=family.blobs.__getitem__
    )
    assert both.onnx == apply_recipe(alone.float_onnx, Recipe(**steps), family.dataset).onnx


def test_a_partner_with_other_shapes_is_refused_with_the_tensor_and_both_shapes(family: Family) -> None:
    pruned = apply_recipe(family.b, Recipe(channels=0.5), family.dataset).float_onnx
    recipe = Recipe(merge=merge("soup"))
    with pytest.raises(
        ValueError, match=r"The other version cannot be merged: the tensor '.*' is .*×.* here and .* there"
    ):
        apply_recipe(family.a, recipe, family.dataset, relative={B: pruned, C: family.ancestor}.__getitem__)


def test_another_graph_is_refused_with_the_node(family: Family) -> None:
    recipe = Recipe(merge=merge("soup"))
    with pytest.raises(ValueError, match=r"The other version cannot be merged: node 0 is .* there"):
        apply_recipe(family.a, recipe, family.dataset, relative=lambda _: onnx_of("mobilenet v2"))
    model = onnx.load_model_from_string(family.b)
    norm = next(node for node in model.graph.node if node.op_type == "BatchNormalization")
    next(found for found in norm.attribute if found.name == "epsilon").f = 0.5
    with pytest.raises(ValueError, match=r"BatchNormalization '.*' has other attributes there"):
        apply_recipe(family.a, recipe, family.dataset, relative=lambda _: model.SerializeToString())


class Folded:
    """An upload whose exporter folded BatchNorm away, and two trainings of it, which put it back."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        kept = onnx.load_model_from_string(tuned(import_onnx(onnx_of("resnet")), dataset, 30, seed=0))
        fold_batchnorm(kept)
        self.upload = kept.SerializeToString()
        start = import_onnx(self.upload)
        base = reinsert_batchnorm(
            start, [torch.from_numpy(dataset.batch(dataset.train_ids[:512], start.input))]
        )
        self.a, self.b = tuned(base, dataset, 12, seed=1), tuned(base, dataset, 12, seed=2)
        self.blobs = {A: self.upload, B: self.b, C: self.upload}

    def scores(self, model: bytes) -> np.ndarray:
        inputs = self.dataset.batch(self.dataset.test_ids, import_onnx(self.upload).input)
        return predict(open_session(model), inputs)

    def right(self, model: bytes) -> float:
        return float((self.scores(model).argmax(1) == self.dataset.y[self.dataset.test_ids]).mean())


@pytest.fixture(scope="module")
def folded(tmp_path_factory: pytest.TempPathFactory) -> Folded:
    return Folded(npz_dataset(tmp_path_factory.mktemp("data"), 1200, (28, 28), 10))


def of_type(data: bytes, op_type: str) -> int:
    return sum(node.op_type == op_type for node in onnx.load_model_from_string(data).graph.node)


@pytest.mark.parametrize("method", ["arithmetic", "ties"])
def test_two_trainings_of_a_folded_upload_merge_from_it(folded: Folded, method: Method) -> None:
    assert (of_type(folded.upload, "BatchNormalization"), of_type(folded.a, "BatchNormalization")) == (0, 7)
    worse = min(folded.right(folded.a), folded.right(folded.b))
    recipe = Recipe(merge=merge(method, density=0.5))
    made = apply_recipe(folded.a, recipe, folded.dataset, relative=folded.blobs.__getitem__)
    assert folded.right(made.onnx) >= worse - 0.02


@pytest.mark.parametrize("weight", [0.0, 1.0])
@pytest.mark.parametrize("starts_folded", [True, False], ids=["from the folded one", "from the trained one"])
def test_where_one_has_batchnorm_and_the_other_not_the_ends_answer_as_both(
    folded: Folded, weight: float, starts_folded: bool
) -> None:
    ours, other = (folded.upload, folded.a) if starts_folded else (folded.a, folded.upload)
    made = apply_recipe(ours, Recipe(merge=merge("soup", weight)), folded.dataset, relative=lambda _: other)
    expected = folded.scores(other if weight else ours)
    assert np.abs(folded.scores(made.onnx) - expected).max() <= 1e-4 * np.abs(expected).max()
    # Channels, zeros and precision go on from there as from any version.
    steps = Recipe(merge=merge("soup", weight), channels=0.25, sparsity=0.3, precision="int8")
    small = apply_recipe(ours, steps, folded.dataset, relative=lambda _: other).onnx
    assert len(small) < len(made.onnx) / 2


def test_a_folded_parent_and_a_training_of_it_meet_halfway(folded: Folded) -> None:
    recipe = Recipe(merge=merge("soup"))
    made = apply_recipe(folded.upload, recipe, folded.dataset, relative=lambda _: folded.a)
    assert folded.right(made.onnx) >= min(folded.right(folded.upload), folded.right(folded.a)) - 0.02
    assert of_type(made.onnx, "BatchNormalization") == 7
    warm = Compressor(import_onnx(folded.upload), folded.dataset)
    relative = {A: folded.upload, B: folded.a, C: folded.upload}.__getitem__
    assert warm.merged(recipe, relative).build(recipe).onnx == made.onnx
    # With one of its own kind afterwards nothing is put back.
    alike = Recipe(merge=Merge(method="soup", weight=0.5, partner=A))
    assert of_type(warm.merged(alike, relative).build(alike).onnx, "BatchNormalization") == 0


def test_a_net_of_other_samples_is_refused_before_it_is_run(folded: Folded) -> None:
    recipe = Recipe(merge=merge("soup"))
    with pytest.raises(ValueError, match="samples are 1×28×28 float32 here and 1×20×12 float32 there"):
        apply_recipe(folded.a, recipe, folded.dataset, relative=lambda _: onnx_of("plain"))


@pytest.mark.parametrize("name", ["plain", "depthwise", "dense", "vit", "bert", "sensor"])
def test_every_kind_of_net_merges_with_what_was_trained_of_it(name: str, tmp_path: Path) -> None:
    imported = import_onnx(onnx_of(name))
    moved = copy.deepcopy(imported.module)
    with torch.no_grad():
        for parameter in moved.parameters():
            parameter += 0.01 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3))
    partner = export_onnx(imported, moved)
    for weight, expected in ((0.0, export_onnx(imported)), (1.0, partner)):
        recipe = Recipe(merge=merge("slerp", weight))
        assert apply_recipe(onnx_of(name), recipe, None, relative=lambda _: partner).onnx == expected


@pytest.mark.parametrize("name", ["resnet", "plain", "vit"])
def test_an_ancestor_that_was_uploaded_has_the_graph_of_what_came_of_it(name: str) -> None:
    # Exporters spell out alpha and beta of a Gemm; what Lathe writes has them in the weights.
    model = onnx.load_model_from_string(onnx_of(name))
    last = next(node for node in reversed(model.graph.node) if node.op_type == "Gemm")
    spelled = {attribute.name for attribute in last.attribute}
    for attribute in ("alpha", "beta"):
        if attribute not in spelled:
            last.attribute.append(onnx.helper.make_attribute(attribute, 1.0))
    upload = model.SerializeToString()
    imported = import_onnx(upload)
    moved = copy.deepcopy(imported.module)
    with torch.no_grad():
        for parameter in moved.parameters():
            parameter += 0.01
    child = export_onnx(imported, moved)
    # From the ancestor by the child's change, and back from the child: the upload as it is exported.
    recipe = Recipe(merge=merge("arithmetic", 1.0, scale=0.0))
    made = Compressor(import_onnx(child), None).merged(recipe, {B: upload, C: upload}.__getitem__)
    assert export_onnx(made.imported) == export_onnx(imported)


def test_recipes_from_before_merges_keep_their_digest() -> None:
    plain = (
        '{"calibration_samples":512,"calibration_seed":0,"channels":0.0,'
        '"precision":"fp32","round_to":16,"sparsity":0.0}'
    )
    assert Recipe().canonical_json() == plain
    digests = {recipe_digest(Recipe(merge=merge("soup", weight)), A) for weight in (0.25, 0.5)}
    assert len(digests | {recipe_digest(Recipe(), A)}) == 3
