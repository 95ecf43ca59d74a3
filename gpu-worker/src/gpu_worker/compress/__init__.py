"""Compression: channels, zeros, precision, and what each costs in bytes and multiply-accumulates."""

from gpu_worker.compress.allocate import Curve, allocate_by_sensitivity, allocate_uniform
from gpu_worker.compress.available import precision_refusals
from gpu_worker.compress.batchnorm import fold_batchnorm
from gpu_worker.compress.channels import ChannelChange, ChannelPruner, ChannelPruning, prune_channels
from gpu_worker.compress.harm import LayerHarm, harmful_layers
from gpu_worker.compress.pipeline import Achieved, Compressed, Compressor, LayerChange, apply_recipe
from gpu_worker.compress.quantize import StaticQuantizer, quantize_static
from gpu_worker.compress.recipe import Merge, Precision, Recipe, recipe_digest
from gpu_worker.compress.recover import Recovery
from gpu_worker.compress.sensitivity import SensitivityScan
from gpu_worker.compress.sizes import Sizes, macs, macs_by_node, parameter_count, sizes, sizes_live, zstd19
from gpu_worker.compress.sparsity import Masks, SortedWeights, apply_masks, zero_share
from gpu_worker.compress.weights import to_fp16, to_int4, to_int8_dynamic

__all__ = [
    "Achieved",
    "ChannelChange",
    "ChannelPruner",
    "ChannelPruning",
    "Compressed",
    "Compressor",
    "Curve",
    "LayerChange",
    "LayerHarm",
    "Masks",
    "Merge",
    "Precision",
    "Recipe",
    "Recovery",
    "SensitivityScan",
    "Sizes",
    "SortedWeights",
    "StaticQuantizer",
    "allocate_by_sensitivity",
    "allocate_uniform",
    "apply_masks",
    "apply_recipe",
    "fold_batchnorm",
    "harmful_layers",
    "macs",
    "macs_by_node",
    "parameter_count",
    "precision_refusals",
    "prune_channels",
    "quantize_static",
    "recipe_digest",
    "sizes",
    "sizes_live",
    "to_fp16",
    "to_int4",
    "to_int8_dynamic",
    "zero_share",
    "zstd19",
]
