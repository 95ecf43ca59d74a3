"""The child answers with a checklist, holds its walls, and is ended when it takes too much."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from gpu_worker.compress import Recipe, apply_recipe, quantize_static
from gpu_worker.compress.sizes import ZSTD_LIMIT
from gpu_worker.sandbox import CHECKLIST, ChecklistItem, Inspection, Limits, Refusal, inspect_model
from hostile import vast
from nets import onnx_of


def look(
    folder: Path, data: bytes, limits: Limits | None = None
) -> tuple[Inspection | Refusal, list[ChecklistItem]]:
    path = folder / "blob"
    path.write_bytes(data)
    items: list[ChecklistItem] = []
    return inspect_model(path, "model.onnx", limits, items.append), items


def test_a_good_model_passes_every_check_in_order(tmp_path: Path) -> None:
    found, items = look(tmp_path, onnx_of("resnet"))
    assert isinstance(found, Inspection), found
    assert [item.id for item in items if item.state == "running"] == list(CHECKLIST)
    assert [item.id for item in items if item.state == "ok"] == list(CHECKLIST)
    model = onnx.load_model_from_string(onnx_of("resnet"))
    assert {op.op: op.count for op in found.ops}["Conv"] == 7
    assert sum(op.count for op in found.ops) == len(model.graph.node)
    assert (found.inputs[0].name, found.inputs[0].shape) == ("input", [None, 1, 28, 28])
    assert (found.outputs[0].name, found.outputs[0].shape) == ("scores", [None, 10])
    assert found.test_inference.outputs[0].shape == [1, 10]
    assert (found.tier, found.tier_reasons) == (1, [])
    assert [layer.name for layer in found.layers if layer.op == "Gemm"] == ["head"]
    stem = found.layers[0]
    assert (stem.name, stem.op, stem.shape, stem.bytes) == (
        "stem.0",
        "Conv",
        [16, 1, 3, 3],
        4 * stem.parameters,
    )
    assert found.sizes.file == len(onnx_of("resnet"))
    assert "nothing written to files" in found.isolation


def test_what_this_product_makes_passes_too(tmp_path: Path) -> None:
    pruned, _ = look(tmp_path, apply_recipe(onnx_of("resnet"), Recipe(channels=0.5, sparsity=0.5), None).onnx)
    assert isinstance(pruned, Inspection), pruned
    assert pruned.tier == 1
    int8, items = look(tmp_path, quantize_static(onnx_of("plain"), np.zeros((4, 1, 20, 12), np.float32)))
    assert isinstance(int8, Inspection), int8
    assert (int8.tier, items[-1].state) == (4, "warning")
    assert "quantized" in int8.tier_reasons[0]


def graph(nodes: list[onnx.NodeProto], tensors: list[onnx.TensorProto]) -> bytes:
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])],
        tensors,
    )
    return helper.make_model(
        made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10
    ).SerializeToString()


def test_a_small_file_that_wants_much_memory_is_refused(tmp_path: Path) -> None:
    found, items = look(tmp_path, vast(1 << 30), Limits(memory_bytes=1 << 30))
    assert isinstance(found, Refusal)
    assert found.rule == "limits.memory"
    assert (items[-1].id, items[-1].state) == ("test_inference", "failed")


def test_a_model_that_does_not_end_is_ended(tmp_path: Path) -> None:
    found, items = look(tmp_path, vast(1 << 26, 5000), Limits(wall_s=6.0))
    assert isinstance(found, Refusal)
    assert found.rule == "limits.time"
    assert items[-1].state == "failed"


def test_processor_time_is_limited_too(tmp_path: Path) -> None:
    found, _ = look(tmp_path, vast(1 << 26, 5000), Limits(cpu_s=5))
    assert isinstance(found, Refusal)
    assert found.rule == "limits.time"


def test_a_large_model_is_not_compressed_for_its_size(tmp_path: Path) -> None:
    """Level 19 takes most of a minute for 100 MB; the other figures are all there."""
    weights = np.random.default_rng(0).normal(size=(4, ZSTD_LIMIT // 16 + 1)).astype(np.float32)
    tensors = [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(weights.T[:, :4].copy(), "v")]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["wide"]),
        helper.make_node("MatMul", ["wide", "v"], ["y"]),
    ]
    found, _ = look(tmp_path, graph(nodes, tensors))
    assert isinstance(found, Inspection), found
    assert found.sizes.zstd19 is None
    assert found.sizes.file > found.parameters * 4 == 2 * weights.nbytes
    assert found.macs == 2 * weights.size


def test_an_oversized_file_is_not_read(tmp_path: Path) -> None:
    found, items = look(tmp_path, onnx_of("plain"), Limits(file_bytes=1000))
    assert isinstance(found, Refusal)
    assert found.rule == "size.limit"
    assert [item.id for item in items] == ["received", "received"]


INVALID = {
    "checker.invalid": lambda: graph([helper.make_node("Explode", ["x"], ["y"])], []),
    "shapes.invalid": lambda: graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        [numpy_helper.from_array(np.zeros((3, 5), np.float32), "w")],
    ),
}


@pytest.mark.parametrize("rule", INVALID)
def test_invalid_graphs_are_refused_by_the_check_that_finds_them(tmp_path: Path, rule: str) -> None:
    found, items = look(tmp_path, INVALID[rule]())
    assert isinstance(found, Refusal)
    assert found.rule == rule
    assert items[-1] == ChecklistItem(rule.split(".")[0], "failed", found.message)


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    model = onnx.load_model_from_string(onnx_of("dense"))
    tensor = next(t for t in model.graph.initializer if len(t.dims) == 2)
    tensor.raw_data = np.full(tuple(tensor.dims), np.nan, np.float32).tobytes()
    found, _ = look(tmp_path, model.SerializeToString())
    assert isinstance(found, Refusal)
    assert (found.rule, found.where) == ("weights.nan", f"tensor {tensor.name}")


WALLS = """
import pathlib, socket, subprocess, sys
from gpu_worker.sandbox.isolation import isolate
print(isolate(20))
for name, attempt in {
    "connect": lambda: socket.create_connection(("127.0.0.1", int(sys.argv[1])), 2),
    "program": lambda: subprocess.run(["/bin/true"], check=True),
    "write": lambda: pathlib.Path(sys.argv[2]).write_text("x" * 10),
}.items():
    try:
        attempt()
        print(name, "possible")
    except OSError as error:
        print(name, "refused")
"""


def test_the_walls_hold(tmp_path: Path) -> None:
    """Without isolation each attempt succeeds; behind it none does."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.defpath}
        for code, word in [(WALLS, "refused"), (WALLS.replace("isolate(20)", "'open'"), "possible")]:
            done = subprocess.run(
                [sys.executable, "-B", "-c", code, port, str(tmp_path / "file")],
                capture_output=True, text=True, check=True, env=environment,
            )  # fmt: skip
            assert [line.split()[1] for line in done.stdout.splitlines()[1:]] == [word] * 3, done.stdout


def test_the_child_sees_nothing_of_the_parents_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gpu_worker.sandbox.parent import _environment

    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    assert "secret" not in str(_environment())


def test_a_child_that_dies_without_an_answer_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho 'last words' >&2\nexit 3\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    found, items = look(tmp_path, onnx_of("dense"))
    assert isinstance(found, Refusal)
    assert found.rule == "crashed"
    assert "last words" in found.message
    assert items[-1].state == "failed"


@pytest.mark.parametrize("name", ["pickle", "onnx"])
def test_no_process_is_left(tmp_path: Path, name: str) -> None:
    look(tmp_path, b"\x80\x04." if name == "pickle" else vast(1 << 26, 5000), Limits(wall_s=5.0))
    children = subprocess.run(
        ["ps", "-o", "args=", "--ppid", str(os.getpid())], capture_output=True, text=True
    )
    assert "gpu_worker.sandbox.child" not in children.stdout
