"""An import is the same function, of layers that train and prune, and it finds its way back to ONNX."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest
import torch
from torch import nn

from gpu_worker.importer import (
    PARITY_LIMIT,
    example_input,
    export_onnx,
    import_onnx,
    parity,
    reinsert_batchnorm,
    trace_groups,
)
from nets import NETS, example, net, onnx_of
from op_graphs import Step, ints, model, noise

EXPORTERS = ("dynamo", "dynamo_plain", "torchscript")


def run(data: bytes, x: torch.Tensor) -> np.ndarray:
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: x.numpy()})[0])


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", NETS)
def test_every_export_is_the_same_function_and_fully_capable(name: str, exporter: str) -> None:
    imported = import_onnx(onnx_of(name, exporter))
    assert imported.tier == 1, imported.tier_reasons
    assert imported.parity <= PARITY_LIMIT
    x = example(name, 7)
    with torch.no_grad():
        expected = net(name)(x)
        torch.testing.assert_close(imported.module(x), expected, rtol=1e-4, atol=1e-5)
    assert imported.input.shape == (None, *NETS[name][1])
    assert (imported.input.name, imported.output) == ("input", "scores")


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", NETS)
def test_every_weight_is_trained(name: str, exporter: str) -> None:
    imported = import_onnx(onnx_of(name, exporter))
    imported.module.train()
    output = imported.module(example(name))
    output.square().mean().backward()
    untouched = [key for key, value in imported.module.named_parameters() if value.grad is None]
    assert not untouched
    # Exporters fold BatchNorm and add zero biases, but keep every matrix.
    assert matrices(imported.module) == matrices(net(name))


def matrices(module: nn.Module) -> int:
    return sum(value.numel() for value in module.parameters() if value.ndim > 1)


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", NETS)
def test_weights_changed_in_torch_are_the_weights_that_onnx_runs(name: str, exporter: str) -> None:
    imported = import_onnx(onnx_of(name, exporter))
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in imported.module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        for buffer_name, buffer in imported.module.named_buffers():
            if buffer_name.endswith("running_mean"):
                buffer.add_(0.1)
    before = run(onnx_of(name, exporter), example(name))
    after = run(export_onnx(imported), example(name))
    assert not np.allclose(before, after, atol=1e-3)
    assert parity(imported.module, export_onnx(imported), example(name)) <= PARITY_LIMIT


def test_layers_are_real_modules_in_order_with_readable_names() -> None:
    imported = import_onnx(onnx_of("plain", "torchscript"))
    assert [layer.name for layer in imported.layers] == ["conv1", "conv2", "hidden", "head"]
    kinds = [type(imported.module.get_submodule(layer.module)) for layer in imported.layers]
    assert kinds == [nn.Conv2d, nn.Conv2d, nn.Linear, nn.Linear]
    assert imported.output_layer.shape == (5, 64)
    kept = import_onnx(onnx_of("resnet", "dynamo_plain"))
    assert sum(isinstance(module, nn.BatchNorm2d) for module in kept.module.modules()) == 7


def test_an_import_and_its_export_are_repeatable() -> None:
    first, second = (export_onnx(import_onnx(onnx_of("resnet"))) for _ in range(2))
    assert first == second
    again = export_onnx(import_onnx(first))
    assert again == first


def test_a_fixed_batch_is_opened() -> None:
    imported = import_onnx(fixed_batch(onnx_of("plain", "torchscript")))
    assert imported.tier == 1, imported.tier_reasons
    assert run(export_onnx(imported), example("plain", 5)).shape == (5, 5)


def fixed_batch(data: bytes) -> bytes:
    import onnx

    model = onnx.load_model_from_string(data)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    return model.SerializeToString()


def test_old_files_that_list_their_weights_as_inputs_are_read() -> None:
    import onnx
    from onnx import helper

    model = onnx.load_model_from_string(onnx_of("plain", "torchscript"))
    model.ir_version = 3
    model.graph.input.extend(
        helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)) for t in model.graph.initializer
    )
    imported = import_onnx(model.SerializeToString())
    assert imported.tier == 1, imported.tier_reasons


def test_reinserted_batchnorm_changes_nothing_until_it_is_trained() -> None:
    folded = import_onnx(onnx_of("resnet", "dynamo"))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.module.modules())
    batches = [example("resnet", 32), example("resnet", 16)]
    restored = reinsert_batchnorm(folded, batches)
    assert sum(isinstance(module, nn.BatchNorm2d) for module in restored.module.modules()) == 7
    assert restored.tier == 1
    x = example("resnet", 9)
    with torch.no_grad():
        torch.testing.assert_close(restored.module(x), folded.module(x), rtol=1e-4, atol=1e-5)
        # Trained on the calibration samples themselves, batch statistics are the stored ones.
        restored.module.train()
        together = restored.module(torch.cat(batches))
        torch.testing.assert_close(together, folded.module(torch.cat(batches)), rtol=1e-2, atol=1e-3)
    assert parity(restored.module, export_onnx(restored), x) <= PARITY_LIMIT
    assert reinsert_batchnorm(restored, []) is restored


def test_reinserted_batchnorm_keeps_pruned_shapes() -> None:
    from gpu_worker.compress import prune_channels

    folded = import_onnx(onnx_of("resnet", "dynamo"))
    pruned = folded.with_module(prune_channels(folded, 0.5, example_input(folded.input)).module)
    restored = reinsert_batchnorm(pruned, [example("resnet", 16)])
    x = example("resnet", 3)
    with torch.no_grad():
        torch.testing.assert_close(restored.module(x), pruned.module(x), rtol=1e-4, atol=1e-5)


def test_channels_that_hang_on_two_others_stay_whole_and_end_the_walk() -> None:
    """Joined with a part of themselves and added up, channels are coupled in a circle."""
    steps: list[Step] = [
        ("Slice", ["s0", "from", "to", "axis"], {}),
        ("Concat", ["@", "s0"], {"axis": 1}),
        ("Sigmoid", ["@"], {}),
        ("Add", ["@", "s2"], {}),
        ("Conv", ["@", "k"], {}),
    ]
    constants = {
        "w": noise(4, 3, 1, 1),
        "k": noise(6, 7, 1, 1),
        "from": ints(1),
        "to": ints(4),
        "axis": ints(1),
    }
    imported = import_onnx(model(steps, constants, conv={}))
    assert imported.parity <= PARITY_LIMIT
    assert imported.tier == 1, imported.tier_reasons
    assert [group.root for group in trace_groups(imported, example_input(imported.input))] == ["Conv_4"]
