"""Datasets: checked, split and fed to models in the layout they want.

NPZ and IDX files are opened as they are. Tables and archives of pictures are turned into such arrays first,
by `gpu_worker.data.prepare`: it loads the libraries that parse, so only the sandboxed child imports it.
"""

from gpu_worker.data.check import check_dataset, default_transform
from gpu_worker.data.dataset import Dataset, Samples, open_dataset, stratified_split
from gpu_worker.data.png import encode_png, sample_pixels
from gpu_worker.data.spec import (
    ClassCount,
    Column,
    DatasetError,
    DatasetFile,
    DatasetReport,
    InputSpec,
    Leakage,
    Mapping,
    Prepared,
    Preview,
    Problem,
    Row,
    SliceCount,
    Split,
    TaskName,
    Transform,
    ValueBalance,
)

__all__ = [
    "ClassCount",
    "Column",
    "Dataset",
    "DatasetError",
    "DatasetFile",
    "DatasetReport",
    "InputSpec",
    "Leakage",
    "Mapping",
    "Prepared",
    "Preview",
    "Problem",
    "Row",
    "Samples",
    "SliceCount",
    "Split",
    "TaskName",
    "Transform",
    "ValueBalance",
    "check_dataset",
    "default_transform",
    "encode_png",
    "open_dataset",
    "sample_pixels",
    "stratified_split",
]
