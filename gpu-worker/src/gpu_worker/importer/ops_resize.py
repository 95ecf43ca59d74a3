"""Translations of resizing: Resize, and Upsample as older opsets call it."""

from __future__ import annotations

from typing import Any

import onnx
import torch.nn.functional as F
from torch import fx

from gpu_worker.importer.build import Builder, handles
from gpu_worker.importer.types import ImportRefused

WHOLE = 1e-3
"""A size this near to a whole number differs from it by the rounding of its float32 factor only."""

LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


@handles("Resize", "Upsample")
def resize(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    scales = _scales(b, node, given)
    transform = given.get("coordinate_transformation_mode", "half_pixel")
    if node.op_type == "Upsample" or b.opset < 11:
        transform = "asymmetric"
    mode = _mode(node, given, transform, scales)
    align = transform == "align_corners" if mode not in ("nearest", "nearest-exact") else None
    sizes = b.shapes[node.input[0]][2:]
    source = b.env[node.input[0]]
    exact = [None if size is None else size * scale for size, scale in zip(sizes, scales, strict=True)]
    target = [None if length is None else round(length) for length in exact]
    # Where the factor gives a whole size, the size says the same more precisely.
    if all(n and length and abs(n - length) < WHOLE for n, length in zip(target, exact, strict=True)):
        return b.call(F.interpolate, source, size=target, mode=mode, align_corners=align)
    return b.call(F.interpolate, source, scale_factor=scales, mode=mode, align_corners=align)


def _scales(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> list[float]:
    """The factors of the dimensions behind batch and channels."""
    if given.get("antialias", 0) or "axes" in given or len(node.input) > 3:
        reason = "only resizing without antialiasing from one known size to another is supported"
        raise ImportRefused.at(node, reason)
    # Between opset 9 (attribute or second input) and 11, a region of interest moved in front of the scales.
    index = 2 if node.op_type == "Resize" and b.opset >= 11 else 1
    scales = b.list_input(node, index, given, "scales")
    if scales is None or scales[:2] != [1.0, 1.0] or not 1 <= len(scales) - 2 <= 3:
        raise ImportRefused.at(node, "only the space behind batch and channels can be resized")
    return scales[2:]


def _mode(node: onnx.NodeProto, given: dict[str, Any], transform: str, scales: list[float]) -> str:
    """torch's name for the interpolation. Raises ImportRefused for what torch computes differently."""
    mode, spatial = given.get("mode", "nearest"), len(scales)
    half_pixel = transform in ("half_pixel", "pytorch_half_pixel")
    if mode == "nearest":
        rounding = given.get("nearest_mode", "round_prefer_floor")
        if node.op_type == "Upsample" or (
            "coordinate_transformation_mode" not in given and transform == "asymmetric"
        ):
            rounding = "floor"
        whole = all(scale >= 1 and scale == int(scale) for scale in scales)
        # Enlarged by whole numbers, centres never fall between two pixels: every rounding is the same.
        if (transform == "asymmetric" and rounding == "floor") or (
            half_pixel and whole and "round" in rounding
        ):
            return "nearest"
        if transform == "asymmetric" and rounding == "round_prefer_floor" and set(scales) <= {1.0, 2.0}:
            return "nearest"
        if half_pixel and rounding == "round_prefer_ceil":
            return "nearest-exact"
    elif half_pixel or transform == "align_corners":
        if mode == "linear":
            return LINEAR[spatial]
        if mode == "cubic" and spatial == 2 and given.get("cubic_coeff_a", -0.75) == -0.75:
            return "bicubic"
    reason = f"{mode} interpolation with {transform} coordinates is not one that PyTorch has"
    raise ImportRefused.at(node, reason)
