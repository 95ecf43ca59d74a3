"""A session shows what ONNX Runtime answers, prefers the newest setting, and says what it cannot do."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from gpu_worker.contract import DesiredSession, Sensitivity, StudioBaseline
from gpu_worker.evaluate import evaluation_order, open_session, predict
from gpu_worker.jobs.data import open_reference
from gpu_worker.studio import serve_session
from nets import onnx_of
from sessions import PLAIN, TOKEN, Opened, session
from specs import open_door, stored_dataset


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    with session(tmp_path_factory.mktemp("session"), onnx_of("resnet")) as found:
        yield found


def test_a_setting_is_measured_in_nested_steps_to_the_whole_test_set(opened: Opened) -> None:
    lines = list(opened.lines(sparsity=0.5))
    kinds = [line["type"] for line in lines]
    assert kinds[0] == "built"
    assert kinds[-3:] == ["sizes", "changed", "done"]
    assert kinds.index("latency") == 4
    accuracies = [line for line in lines if line["type"] == "accuracy"]
    assert [line["n"] for line in accuracies] == [125, 250, 1000, 1500]
    assert {line["total"] for line in accuracies} == {1500}
    elapsed = [line["elapsedMs"] for line in lines]
    assert elapsed == sorted(elapsed)
    built, sizes, changed = lines[0], lines[-3], lines[-2]
    assert built["sizes"]["zstd19"] is None
    assert sizes["sizes"] | {"zstd19": None} == built["sizes"]
    assert sizes["sizes"]["zstd19"] > 0
    assert built["achieved"]["sparsity"] == pytest.approx(0.5, abs=0.01)
    latency = next(line for line in lines if line["type"] == "latency")["latency"]
    assert [found["batch"] for found in latency] == [1, 64]
    assert changed["total"] >= accuracies[-1]["paired"]["gained"] + accuracies[-1]["paired"]["lost"]
    assert len(changed["samples"]) == min(24, changed["total"])
    reference = open_reference(opened.door, opened.dataset)
    for sample in changed["samples"]:
        assert sample["before"] != sample["after"]
        assert sample["label"] == reference.y[sample["id"]]
        assert 0 < sample["beforeConfidence"] <= 1
    # A wider sample can only narrow the interval; at the end there is nothing left to guess.
    widths = [line["paired"]["halfWidth"] for line in accuracies]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(
    "settings",
    [
        {"channels": 0.4, "sparsity": 0.3, "precision": "int8"},
        {"pattern": "2:4", "precision": "fp16"},
        {"precision": "int8_dynamic", "keepFloat": ["stem.0", "head"]},
        {"precision": "int8", "calibration": "entropy", "calibrationSamples": 128},
    ],
    ids=["all", "pattern", "dynamic", "entropy"],
)
def test_what_is_shown_is_what_the_committed_bytes_answer(opened: Opened, settings: dict[str, Any]) -> None:
    lines = list(opened.lines(**settings))
    recipe = {"channels": 0, "sparsity": 0, "precision": "fp32"} | settings
    recipe = {"calibrationSamples": 512} | recipe | {"calibrationSeed": 0, "roundTo": 16}
    committed = opened.committed(recipe)
    dataset = open_reference(opened.door, opened.dataset)
    order = evaluation_order(dataset)
    runtime = open_session(opened.door.blob(committed.artifacts.model.sha256).read_bytes())
    parent = open_session(opened.door.blob(opened.model).read_bytes())
    for line in (found for found in lines if found["type"] == "accuracy"):
        ids = order[: line["n"]]
        inputs = ((dataset.x.take(ids).astype(np.float32) / 255 - 0.5) / 0.25)[:, None]
        labels = dataset.y[ids]
        right = predict(runtime, inputs).argmax(1) == labels
        before = predict(parent, inputs).argmax(1) == labels
        assert line["accuracy"] == right.mean()
        assert line["baselineAccuracy"] == before.mean()
        assert line["paired"]["gained"] == (right & ~before).sum()
        assert line["paired"]["lost"] == (before & ~right).sum()
    assert lines[0]["sizes"]["file"] == committed.artifacts.sizes.file
    assert lines[0]["achieved"] == committed.achieved.model_dump()
    assert lines[-3]["sizes"]["zstd19"] == committed.artifacts.sizes.zstd19


def test_a_newer_setting_ends_the_older_one(opened: Opened) -> None:
    opened.rev += 10
    older, newer = opened.rev, opened.rev + 1
    stream = opened.lines(rev=older, sparsity=0.2)
    assert next(stream)["type"] == "built"
    seen: list[dict[str, Any]] = []
    reader = threading.Thread(target=lambda: seen.extend(stream))
    reader.start()
    with httpx.Client(base_url=opened.client.base_url, headers=opened.client.headers, timeout=60) as other:
        later = Opened(other, opened.door, opened.dataset, opened.model)
        kinds = [line["type"] for line in later.lines(rev=newer, sparsity=0.3)]
    reader.join(60)
    opened.rev = newer
    assert kinds[-1] == "done"
    assert seen[-1] == {"type": "superseded", "rev": older, "by": newer}
    assert all(line["type"] != "done" for line in seen)
    # A revision that arrives after a newer one is not begun.
    late = list(opened.lines(rev=older, sparsity=0.4))
    opened.rev = newer
    assert late == [{"type": "superseded", "rev": older, "by": newer}]


def test_settings_by_sensitivity_wait_for_the_scan_and_commit_what_was_shown(tmp_path: Path) -> None:
    with session(tmp_path, onnx_of("resnet"), n=1200) as opened:
        chosen = {"sparsity": 0.6, "allocation": "sensitivity", "layers": {"stem.0": 0.25}}
        lines = list(opened.lines(**chosen))
        scans = [line for line in lines if line["type"] == "work"]
        assert [line["type"] for line in lines][: len(scans) + 1] == ["work"] * len(scans) + ["built"]
        assert [line["done"] for line in scans] == sorted(line["done"] for line in scans)
        assert {line["what"] for line in scans} == {"scan"}
        assert {line["total"] for line in scans} == {8 * 7}
        assert scans[-1]["etaSeconds"] > 0
        built = next(line for line in lines if line["type"] == "built")
        assert built["achieved"]["sparsity"] == pytest.approx(0.6, abs=1e-3)
        shares = {layer["name"]: layer["sparsity"] for layer in built["layers"]}
        assert shares["stem.0"] == pytest.approx(0.25, abs=0.01)

        sensitivity = StudioBaseline.model_validate(opened.client.get("/baseline").json()).sensitivity
        assert (sensitivity.done, sensitivity.total) == (56, 56)
        assert [layer.name for layer in sensitivity.layers] == list(shares)
        assert (
            {len(layer.ratios) for layer in sensitivity.layers}
            == {len(layer.kl) for layer in sensitivity.layers}
            == {7}
        )
        # Curves are there now, so the next setting does not wait.
        assert next(opened.lines(**chosen | {"sparsity": 0.5}))["type"] == "built"

        committed = opened.committed(chosen | {"layers": shares})
        assert [layer.model_dump(by_alias=True) for layer in committed.layers] == built["layers"]
        last = [line for line in lines if line["type"] == "accuracy"][-1]
        assert committed.artifacts.evaluation.accuracy == last["accuracy"]


def test_a_newer_setting_ends_the_wait_for_the_scan_but_not_the_scan(tmp_path: Path) -> None:
    with session(tmp_path, onnx_of("resnet"), n=1200) as opened:
        waiting = opened.lines(rev=1, sparsity=0.6, allocation="sensitivity")
        assert next(waiting)["what"] == "scan"
        seen: list[dict[str, Any]] = []
        reader = threading.Thread(target=lambda: seen.extend(waiting))
        reader.start()
        headers = opened.client.headers
        with httpx.Client(base_url=opened.client.base_url, headers=headers, timeout=60) as other:
            later = Opened(other, opened.door, opened.dataset, opened.model)
            kinds = [line["type"] for line in later.lines(rev=2, sparsity=0.3)]
        reader.join(60)
        assert kinds[0] == "built"
        assert kinds[-1] == "done"
        assert seen[-1] == {"type": "superseded", "rev": 1, "by": 2}
        assert {line["type"] for line in seen[:-1]} <= {"work"}

        def known() -> Sensitivity:
            return StudioBaseline.model_validate(opened.client.get("/baseline").json()).sensitivity

        while (found := known()).done < found.total:
            assert found.layers == []
        assert len(known().layers) == 8


def test_a_layer_that_the_version_lacks_is_named_at_once(opened: Opened) -> None:
    lines = list(opened.lines(sparsity=0.6, allocation="sensitivity", layers={"steam": 0.5}))
    assert [line["type"] for line in lines] == ["failed"]
    assert "no layer 'steam'" in lines[0]["message"]


def test_the_version_itself_is_measured_and_its_curves_drawn(opened: Opened) -> None:
    def measured() -> StudioBaseline:
        return StudioBaseline.model_validate(opened.client.get("/baseline").json())

    first = measured()
    assert first.n >= 1000
    assert first.latency[0].baseline_p50_ms is None
    assert first.channel_stops[0] == 0
    assert {item.option for item in first.unavailable} == {"int4"}
    while (last := measured()).n < 1500:
        pass
    assert [point.ratio for point in last.preview.sparsity] == [0.3, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert {point.ratio for point in last.preview.channels} <= set(last.channel_stops)
    assert last.preview.channels
    for curve in (last.preview.channels, last.preview.sparsity):
        assert [point.ratio for point in curve] == sorted(point.ratio for point in curve)
        assert {point.n for point in curve} == {250}


def test_one_choice_of_a_dial_can_be_missing(opened: Opened) -> None:
    baseline = StudioBaseline.model_validate(opened.client.get("/baseline").json())
    assert [(item.dial, item.option) for item in baseline.unavailable] == [("precision", "int4")]
    assert "int4 needs MatMul layers; this model has 1 of 8" in baseline.unavailable[0].reason
    assert baseline.pattern_unfit == ["stem.0"]
    failed = list(opened.lines(precision="int4"))
    assert [line["type"] for line in failed] == ["failed"]
    assert failed[0]["message"] == baseline.unavailable[0].reason


def test_samples_are_pictures(opened: Opened) -> None:
    picture = opened.client.get("/sample/3")
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")
    assert opened.client.get("/sample/999999").status_code == 404


def test_every_route_wants_the_token(opened: Opened) -> None:
    for method, path in (("POST", "/evaluate"), ("GET", "/baseline"), ("GET", "/sample/0"), ("GET", "/x")):
        assert httpx.request(method, opened.client.base_url.join(path)).status_code == 401


@pytest.mark.parametrize(
    "settings",
    [
        {"sparsity": 0.99},
        {"channels": -0.1},
        {"precision": "fp8"},
        {"allocation": "random"},
        {"layers": {"stem.0": 0.96}},
    ],
)
def test_settings_out_of_range_are_refused(opened: Opened, settings: dict[str, Any]) -> None:
    body = {"rev": 1, "settings": PLAIN | settings}
    assert opened.client.post("/evaluate", json=body).status_code == 422


def test_dials_that_a_version_lacks_are_named_with_the_reason(tmp_path: Path) -> None:
    int8 = tmp_path / "int8"
    with session(int8, onnx_of("resnet"), n=400) as parent:
        made = parent.committed(
            {
                "channels": 0,
                "sparsity": 0,
                "precision": "int8",
                "calibrationSamples": 64,
                "calibrationSeed": 0,
                "roundTo": 16,
            }
        )
        quantized = parent.door.blob(made.artifacts.model.sha256).read_bytes()
    assert hashlib.sha256(quantized).hexdigest() == made.artifacts.model.sha256
    with session(tmp_path / "served", quantized, n=400) as served:
        baseline = StudioBaseline.model_validate(served.client.get("/baseline").json())
        dials = {(item.dial, item.option) for item in baseline.unavailable}
        assert dials == {
            (dial, None) for dial in ("channels", "sparsity", "pattern", "recovery", "precision", "merge")
        }
        assert baseline.sensitivity == Sensitivity(done=0, total=0, layers=[])
        assert all("quantized" in item.reason for item in baseline.unavailable)
        lines = list(served.lines(sparsity=0.5))
        assert [line["type"] for line in lines] == ["failed"]
        assert "quantized" in lines[0]["message"]


def test_a_dataset_that_does_not_fit_is_refused_at_once(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    dataset = stored_dataset(door, (9, 9), 10)
    model = door.put_blob(onnx_of("resnet")).sha256
    desired = DesiredSession(
        session_id="s", token=TOKEN, model=model, float_model=model, dataset=dataset, cpus=1
    )
    with pytest.raises(ValueError, match=r"\(9, 9\)"):
        serve_session(desired, door, "127.0.0.1", print, threading.Event())


def test_recovery_waits_for_its_steps_and_a_commit_learns_the_same(tmp_path: Path) -> None:
    with session(tmp_path, onnx_of("resnet"), n=1200) as opened:
        chosen = {"sparsity": 0.8, "recovery": 0.5, "precision": "int8"}
        lines = list(opened.lines(**chosen))
        steps = [line for line in lines if line["type"] == "work"]
        assert {line["what"] for line in steps} == {"recovery"}
        assert steps[0]["etaSeconds"] is None
        assert [line["done"] for line in steps] == sorted(line["done"] for line in steps)
        # Another precision of what was learnt does not learn again.
        assert next(opened.lines(**chosen | {"precision": "fp32"}))["type"] == "built"
        committed = opened.committed(chosen)
        built = next(line for line in lines if line["type"] == "built")
        assert [layer.model_dump(by_alias=True) for layer in committed.layers] == built["layers"]
        last = [line for line in lines if line["type"] == "accuracy"][-1]
        assert committed.artifacts.evaluation.accuracy == last["accuracy"]
        assert committed.artifacts.sizes.zstd19 == lines[-3]["sizes"]["zstd19"]
