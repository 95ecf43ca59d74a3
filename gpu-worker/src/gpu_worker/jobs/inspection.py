"""Inspections, in the shapes that the console stores."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path

from gpu_worker import contract, data, sandbox


def inspect_bytes(model: bytes) -> contract.Inspection:
    """The inspection of a model that was made here. Raises RuntimeError when it is refused: our own output
    must pass the rules that uploads pass.
    """
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        file.write(model)
        file.flush()
        found = sandbox.inspect_model(Path(file.name), "result.onnx")
    if isinstance(found, sandbox.Refusal):
        raise RuntimeError(f"The result does not pass inspection: {found.message} ({found.rule})")
    return to_inspection(found)


def to_inspection(found: sandbox.Inspection) -> contract.Inspection:
    """An accepted model as the console stores it."""
    return contract.Inspection.model_validate(
        {
            "ir_version": found.ir_version,
            "opset": found.opset,
            "producer": found.producer,
            "inputs": [vars(tensor) for tensor in found.inputs],
            "outputs": [vars(tensor) for tensor in found.outputs],
            "parameters": found.parameters,
            "ops": [vars(op) for op in found.ops],
            "layers": [asdict(layer) for layer in found.layers],
            "test_inference": {
                "ms": found.test_inference.ms,
                "outputs": [vars(tensor) for tensor in found.test_inference.outputs],
            },
            "tier": found.tier,
            "tier_reasons": found.tier_reasons,
            "tier_node": found.tier_node,
            "parity": found.parity,
            "sizes": vars(found.sizes),
            "macs": found.macs,
            "isolation": found.isolation,
            "graph": asdict(found.graph),
        }
    )


def to_refusal(refusal: sandbox.Refusal | data.Problem) -> contract.Refusal:
    """Why a file was refused, or what is wrong with a dataset."""
    return contract.Refusal(
        rule=refusal.rule, message=refusal.message, where=refusal.where, remedy=refusal.remedy
    )
