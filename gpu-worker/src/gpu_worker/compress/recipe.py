"""What a compression does, in a form that can be hashed and repeated."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gpu_worker.compress.allocate import MAX_RATIO
from gpu_worker.compress.calibrate import Calibration
from gpu_worker.compress.pattern import Pattern

Allocation = Literal["magnitude", "uniform", "sensitivity"]
Precision = Literal["fp32", "fp16", "int8", "int8_dynamic", "int4"]
"""`int8` is static: ranges from calibration. Digests hold its name."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Merge(BaseModel):
    """A partner joined in before anything else: by digest of the float graphs, so that it can be repeated.

    weight: 0 is the parent, 1 the partner. density: of each change from the ancestor, the share of values
    that TIES keeps. scale: how far task arithmetic and TIES go from the ancestor; 1 averages the two changes,
    2 adds them up at weight 0.5. ancestor: None where the method needs none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["soup", "slerp", "arithmetic", "ties"]
    weight: float = Field(ge=0.0, le=1.0)
    density: float = Field(0.2, ge=0.0, le=1.0)
    scale: float = Field(1.0, ge=0.0, le=2.0)
    partner: Sha256
    ancestor: Sha256 | None = None


class Recipe(BaseModel):
    """Steps in their order: a partner is merged in, channels are removed, weights are zeroed, what is left
    learns the answers from before again for `recovery` epochs, then the precision is lowered.

    channels, sparsity: the share asked for, 0 to below 1. pattern: zeros in every layer whose inputs fit it;
    they count towards `sparsity`. keep_float: layers by name that stay fp32. calibration_samples: train
    samples, drawn by calibration_seed, that the ranges of static int8 come from, by `calibration`. round_to:
    channel counts stay multiples of this.

    layers: by layer name, the share of its weights to zero; the layers without one share what is left of
    `sparsity` by the magnitude of their weights. allocation: how these shares were chosen; other than
    "magnitude", every layer has one (`Compressor.resolve` fills them in), so that building needs no scan.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: float = Field(0.0, ge=0.0, le=0.95)
    sparsity: float = Field(0.0, ge=0.0, le=0.99)
    pattern: Pattern = "none"
    precision: Precision = "fp32"
    calibration: Calibration = "minmax"
    keep_float: tuple[str, ...] = ()
    calibration_samples: int = Field(512, ge=1, le=65536)
    calibration_seed: int = Field(0, ge=0, lt=2**32)
    round_to: int = Field(16, ge=1, le=256)
    allocation: Allocation = "magnitude"
    layers: dict[str, Annotated[float, Field(ge=0.0, le=MAX_RATIO)]] = Field(default_factory=dict)
    recovery: float = Field(0.0, ge=0.0, le=100.0)
    merge: Merge | None = None

    @field_validator("keep_float")
    @classmethod
    def _named_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(names)))

    def canonical_json(self) -> str:
        """One spelling for equal recipes: sorted keys, no spaces, shares as floats.

        What is not chosen is not mentioned: digests from before there was a choice hold.
        """
        plain = self.allocation == "magnitude" and not self.layers
        chosen: dict[str, Any] = {
            "pattern": self.pattern != "none",
            "calibration": self.calibration != "minmax",
            "keep_float": self.keep_float,
            "allocation": not plain,
            "layers": not plain,
            "recovery": self.recovery,
            "merge": self.merge,
        }
        fields = self.model_dump(exclude={name for name, said in chosen.items() if not said})
        return json.dumps(fields, sort_keys=True, separators=(",", ":"))

    def learnt(self) -> Recipe:
        """The part that recovery depends on: what happens before it."""
        kept = {"channels", "round_to", "sparsity", "pattern", "allocation", "layers", "recovery"}
        return Recipe(**self.model_dump(include=kept))


def recipe_digest(recipe: Recipe, parent_digest: str) -> str:
    """sha256 (hex) of the recipe applied to one parent version."""
    text = json.dumps(
        {"parent": parent_digest, "recipe": recipe.canonical_json()}, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(text.encode()).hexdigest()
