"""Compression: channels, sparsity, int8, and what each costs in bytes and multiply-accumulates."""

from gpu_worker.compress.allocate import Curve, allocate_by_sensitivity, allocate_uniform
from gpu_worker.compress.batchnorm import fold_batchnorm
from gpu_worker.compress.channels import ChannelChange, ChannelPruner, ChannelPruning, prune_channels
from gpu_worker.compress.pipeline import Achieved, Compressed, Compressor, LayerChange, apply_recipe
from gpu_worker.compress.quantize import StaticQuantizer, quantize_static
from gpu_worker.compress.recipe import Recipe, recipe_digest
from gpu_worker.compress.recover import Recovery
from gpu_worker.compress.sensitivity import SensitivityScan
from gpu_worker.compress.sizes import Sizes, macs, macs_by_node, parameter_count, sizes, sizes_live, zstd19
from gpu_worker.compress.sparsity import Masks, SortedWeights, apply_masks, zero_share

__all__ = [
    "Achieved",
    "ChannelChange",
    "ChannelPruner",
    "ChannelPruning",
    "Compressed",
    "Compressor",
    "Curve",
    "LayerChange",
    "Masks",
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
    "macs",
    "macs_by_node",
    "parameter_count",
    "prune_channels",
    "quantize_static",
    "recipe_digest",
    "sizes",
    "sizes_live",
    "zero_share",
    "zstd19",
]
