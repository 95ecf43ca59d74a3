"""Graphs drawn at random, of every kind of layer in any order, agree with ONNX Runtime."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import helper

from gpu_worker.importer import PARITY_LIMIT, import_onnx
from op_graphs import assemble, ints

SEEDS = range(60)
SHAPE = (4, 8, 6)


class Drawing:
    """A graph that grows by one random layer at a time; `live` holds its tensors with channels, height and
    width.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.noise = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}
        self.live: list[tuple[str, tuple[int, int, int]]] = [("x", SHAPE)]

    def constant(self, value: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = value
        return name

    def weight(self, *shape: int) -> str:
        return self.constant(self.noise.uniform(-0.5, 0.5, shape).astype(np.float32))

    def node(self, op: str, *inputs: str, **given: object) -> str:
        output = f"t{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(op, list(inputs), [output], name=f"{op}_{len(self.nodes)}", **given)
        )
        return output

    def pick(self) -> tuple[str, tuple[int, int, int]]:
        return self.random.choice(self.live[-3:])


def activation(d: Drawing) -> None:
    name, shape = d.pick()
    op = d.random.choice(
        ["Relu", "Sigmoid", "Tanh", "HardSwish", "Gelu", "Softplus", "LeakyRelu", "Abs", "Erf"]
    )
    d.live.append((d.node(op, name), shape))


def arithmetic(d: Drawing) -> None:
    name, (c, h, w) = d.pick()
    others = [other for other, shape in d.live if shape == (c, h, w)]
    others += [d.weight(c, 1, 1), d.weight(1, h, w), d.weight()]
    left, right = d.random.sample([name, d.random.choice(others)], 2)
    d.live.append((d.node(d.random.choice(["Add", "Sub", "Mul", "Max", "Min"]), left, right), (c, h, w)))


def convolution(d: Drawing) -> None:
    name, (c, h, w) = d.pick()
    size, stride, wide = d.random.choice([1, 3]), d.random.choice([1, 1, 2]), d.random.choice([4, 8])
    groups = c if d.random.random() < 0.3 else 1
    wide = c if groups > 1 else wide
    pads = [size // 2] * 4
    inputs = [name, d.weight(wide, c // groups, size, size), d.weight(wide)][: d.random.choice([2, 3])]
    made = d.node("Conv", *inputs, strides=[stride] * 2, pads=pads, group=groups)
    d.live.append((made, (wide, -(-h // stride), -(-w // stride))))


def upsampling(d: Drawing) -> None:
    name, (c, h, w) = d.pick()
    if h * w > 200:
        return
    if d.random.random() < 0.5:
        made = d.node("ConvTranspose", name, d.weight(c, 4, 2, 2), strides=[2, 2])
        d.live.append((made, (4, 2 * h, 2 * w)))
    else:
        scales = d.constant(np.asarray([1, 1, 2, 2], np.float32))
        made = d.node("Resize", name, "", scales, mode=d.random.choice(["nearest", "linear"]))
        d.live.append((made, (c, 2 * h, 2 * w)))


def normalisation(d: Drawing) -> None:
    name, (c, h, w) = d.pick()
    if d.random.random() < 0.5:
        variance = d.constant(d.noise.uniform(0.5, 1.5, c).astype(np.float32))
        made = d.node("BatchNormalization", name, d.weight(c), d.weight(c), d.weight(c), variance)
    else:
        made = d.node("LayerNormalization", name, d.weight(w), d.weight(w))
    d.live.append((made, (c, h, w)))


def squeeze(d: Drawing) -> None:
    name, shape = d.pick()
    mean = d.node("ReduceMean", name, d.constant(ints(2, 3)), keepdims=1)
    d.live.append((d.node("Mul", name, d.node("HardSigmoid", mean)), shape))


def joining(d: Drawing) -> None:
    name, (c, h, w) = d.pick()
    same = [(other, shape) for other, shape in d.live if shape[1:] == (h, w) and shape[0] + c <= 24]
    if same:
        other, shape = d.random.choice(same)
        d.live.append((d.node("Concat", name, other, axis=1), (c + shape[0], h, w)))


def cutting(d: Drawing) -> None:
    name, (c, h, w) = d.pick()
    if c > 2:
        start = d.random.randrange(1, c - 1)
        bounds = [d.constant(ints(value)) for value in (start, c, 1)]
        d.live.append((d.node("Slice", name, *bounds), (c - start, h, w)))


def tokens(d: Drawing) -> None:
    """Pixels as tokens: attention among them, or a perceptron on each."""
    name, (c, h, w) = d.pick()
    batch = d.node("Slice", d.node("Shape", name), d.constant(ints(0)), d.constant(ints(1)))
    flat = d.node("Reshape", name, d.node("Concat", batch, d.constant(ints(c, h * w)), axis=0))
    rows = d.node("Transpose", flat, perm=[0, 2, 1])
    if d.random.random() < 0.5:
        rows = d.node("MatMul", d.node("Softmax", d.node("MatMul", rows, flat), axis=-1), rows)
    hidden = d.node("Relu", d.node("Add", d.node("MatMul", rows, d.weight(c, 8)), d.weight(8)))
    rows = d.node("Add", rows, d.node("MatMul", hidden, d.weight(8, c)))
    back = d.node("Concat", batch, d.constant(ints(c, h, w)), axis=0)
    d.live.append((d.node("Reshape", d.node("Transpose", rows, perm=[0, 2, 1]), back), (c, h, w)))


LAYERS: list[Callable[[Drawing], None]] = [
    activation, arithmetic, convolution, upsampling, normalisation, squeeze, joining, cutting, tokens,
]  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_graph_agrees_with_onnx_runtime(seed: int) -> None:
    drawing = Drawing(seed)
    convolution(drawing)
    for _ in range(drawing.random.randrange(3, 14)):
        drawing.random.choice(LAYERS)(drawing)
    name, (channels, _, _) = drawing.live[-1]
    pooled = drawing.node("Flatten", drawing.node("GlobalAveragePool", name))
    scores = drawing.node("Gemm", pooled, drawing.weight(5, channels), drawing.weight(5), transB=1)
    drawing.nodes.append(helper.make_node("Identity", [scores], ["y"]))
    imported = import_onnx(assemble(drawing.nodes, drawing.constants, SHAPE))
    assert imported.tier <= 2, imported.tier_reasons
    assert imported.parity <= PARITY_LIMIT
