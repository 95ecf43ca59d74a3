"""Turning tables and archives of pictures into arrays; run in the sandboxed child only."""

from __future__ import annotations

from collections.abc import Sequence

from gpu_worker.data.arrays import Sink
from gpu_worker.data.spec import DatasetFile, Mapping, Prepared


def load(files: Sequence[DatasetFile]) -> None:
    """Imports what parses these files, before the memory is limited and the files are seen."""
    if files[0].format == "images":
        import gpu_worker.data.pictures
    else:
        import gpu_worker.data.parquetfile  # noqa: F401


def prepare(files: Sequence[DatasetFile], mapping: Mapping, labels: Sequence[str], sink: Sink) -> Prepared:
    """Writes the arrays of CSV, Parquet or picture files to the sink. Raises DatasetError."""
    ordered = sorted(files, key=lambda file: file.role)
    if ordered[0].format == "images":
        from gpu_worker.data.pictures import prepare_pictures

        return prepare_pictures(ordered[0].path, ordered[0].shown, labels, sink)
    from gpu_worker.data.csvfile import CsvTable
    from gpu_worker.data.parquetfile import ParquetTable
    from gpu_worker.data.table import Table, prepare_table

    tables: list[Table] = [
        CsvTable(file.path, file.shown) if file.format == "csv" else ParquetTable(file.path, file.shown)
        for file in ordered
    ]
    return prepare_table(tables, mapping, labels, sink)
