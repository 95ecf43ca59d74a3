"""What a compression does, in a form that can be hashed and repeated."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gpu_worker.compress.allocate import MAX_RATIO

Allocation = Literal["magnitude", "uniform", "sensitivity"]


class Recipe(BaseModel):
    """Steps in their order: channels are removed, weights are zeroed, what is left learns the parent's
    answers again for `recovery` epochs, then everything is quantized.

    channels, sparsity: the share asked for, 0 to below 1. calibration_samples: train samples, drawn by
    calibration_seed, whose ranges the int8 scales come from. round_to: channel counts stay multiples of this.

    layers: by layer name, the share of its weights to zero; the layers without one share what is left of
    `sparsity` by the magnitude of their weights. allocation: how these shares were chosen; other than
    "magnitude", every layer has one (`Compressor.resolve` fills them in), so that building needs no scan.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: float = Field(0.0, ge=0.0, le=0.95)
    sparsity: float = Field(0.0, ge=0.0, le=0.99)
    precision: Literal["fp32", "int8"] = "fp32"
    calibration_samples: int = Field(512, ge=1, le=65536)
    calibration_seed: int = Field(0, ge=0, lt=2**32)
    round_to: int = Field(16, ge=1, le=256)
    allocation: Allocation = "magnitude"
    layers: dict[str, Annotated[float, Field(ge=0.0, le=MAX_RATIO)]] = Field(default_factory=dict)
    recovery: float = Field(0.0, ge=0.0, le=100.0)

    def canonical_json(self) -> str:
        """One spelling for equal recipes: sorted keys, no spaces, shares as floats.

        What is not turned and came later is not mentioned: digests from before there was a choice hold.
        """
        plain = {"allocation", "layers"} if self.allocation == "magnitude" and not self.layers else set()
        fields = self.model_dump(exclude=plain | ({"recovery"} if self.recovery == 0 else set()))
        return json.dumps(fields, sort_keys=True, separators=(",", ":"))

    def learnt(self) -> Recipe:
        """The part that recovery depends on: what happens before it."""
        kept = {"channels", "round_to", "sparsity", "allocation", "layers", "recovery"}
        return Recipe(**self.model_dump(include=kept))


def recipe_digest(recipe: Recipe, parent_digest: str) -> str:
    """sha256 (hex) of the recipe applied to one parent version."""
    text = json.dumps(
        {"parent": parent_digest, "recipe": recipe.canonical_json()}, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(text.encode()).hexdigest()
