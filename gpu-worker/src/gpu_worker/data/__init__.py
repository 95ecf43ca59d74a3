"""Datasets: NPZ and IDX files, checked, split and fed to models in the layout they want."""

from gpu_worker.data.check import check_dataset, default_transform
from gpu_worker.data.dataset import Dataset, Samples, open_dataset, stratified_split
from gpu_worker.data.png import encode_png, sample_pixels
from gpu_worker.data.spec import (
    ClassCount,
    DatasetError,
    DatasetFile,
    DatasetReport,
    InputSpec,
    Preview,
    Problem,
    Split,
    Transform,
)

__all__ = [
    "ClassCount",
    "Dataset",
    "DatasetError",
    "DatasetFile",
    "DatasetReport",
    "InputSpec",
    "Preview",
    "Problem",
    "Samples",
    "Split",
    "Transform",
    "check_dataset",
    "default_transform",
    "encode_png",
    "open_dataset",
    "sample_pixels",
    "stratified_split",
]
