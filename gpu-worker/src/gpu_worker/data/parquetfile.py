"""Parquet files that nobody trusts: the footer's claims are held against the limits before a page is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gpu_worker.data.arrays import MAX_PREPARED_BYTES, MAX_SAMPLES
from gpu_worker.data.spec import refuse
from gpu_worker.data.table import check_columns

MAGIC = b"PAR1"
MAX_FOOTER_BYTES = 16 << 20
MAX_CHUNK_BYTES = 1 << 30
"""Largest uncompressed size of one column in one row group."""

BATCH_ROWS = 32_768
BATCH_VALUES = 1 << 21
WRITE_AGAIN = "The file is damaged or forged; write it again."


class ParquetTable:
    """A flat Parquet file with typed columns."""

    def __init__(self, path: Path, name: str) -> None:
        """Raises DatasetError when the file is damaged, nested or claims more than is allowed."""
        self.path, self.name = path, name
        _check_footer(path, name)
        try:
            with self._open() as file:
                metadata, schema = file.metadata, file.schema_arrow
        except (pa.ArrowException, OSError, ValueError) as error:
            raise refuse(
                "parquet.damaged", f"{name} is no readable Parquet file: {str(error)[:200]}", WRITE_AGAIN
            ) from error
        self._check_claims(metadata)
        nested = [field.name for field in schema if pa.types.is_nested(field.type)]
        if nested:
            raise refuse(
                "parquet.nested",
                f"Column '{nested[0][:60]}' of {name} holds {schema.field(nested[0]).type}.",
                "Write one plain column for each of its values.",
                f"column '{nested[0][:60]}'",
            )
        self.columns: list[str] = list(schema.names)
        self.rows: int = metadata.num_rows
        check_columns(self.columns, name)

    def _open(self) -> pq.ParquetFile:
        return pq.ParquetFile(
            self.path,
            buffer_size=1 << 20,
            pre_buffer=False,
            thrift_string_size_limit=MAX_FOOTER_BYTES,
            thrift_container_size_limit=1_000_000,
        )

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[float, pa.RecordBatch]]:
        """See table.Table."""
        rows = max(1, min(BATCH_ROWS, BATCH_VALUES // max(1, len(columns))))
        done = 0
        try:
            with self._open() as file:
                for batch in file.iter_batches(rows, columns=list(columns), use_threads=False):
                    done += len(batch)
                    yield done / max(1, self.rows), _without_nan(batch.select(list(columns)))
        except (pa.ArrowException, OSError) as error:
            raise refuse(
                "parquet.damaged",
                f"{self.name} cannot be read: {str(error)[:200]}",
                WRITE_AGAIN,
                f"after row {done}",
            ) from error
        if done != self.rows:
            raise refuse(
                "parquet.damaged",
                f"{self.name} declares {self.rows} rows and holds {done}.",
                WRITE_AGAIN,
                "footer",
            )

    def place(self, row: int) -> str:
        """Rows are counted from 1."""
        return f"row {row + 1}"

    def _check_claims(self, metadata: pq.FileMetaData) -> None:
        """Rows and bytes that the footer claims, and whether its parts agree."""
        claimed = 0
        rows = 0
        for group in range(metadata.num_row_groups):
            found = metadata.row_group(group)
            rows += found.num_rows
            for column in range(found.num_columns):
                chunk = found.column(column)
                size = chunk.total_uncompressed_size
                claimed += max(size, 0)
                where = f"row group {group + 1}, column '{chunk.path_in_schema[:60]}'"
                if min(size, chunk.num_values, found.num_rows, chunk.total_compressed_size) < 0:
                    raise refuse("parquet.size", f"{self.name} declares a negative size.", WRITE_AGAIN, where)
                if size > MAX_CHUNK_BYTES:
                    raise refuse(
                        "parquet.chunk",
                        f"{self.name} declares {size} bytes for one column of one row group; at most"
                        f" {MAX_CHUNK_BYTES} are accepted.",
                        "Write it with smaller row groups (row_group_size=100_000).",
                        where,
                    )
        needed = max(rows, metadata.num_rows) * 4 * max(1, metadata.num_columns)
        if max(rows, metadata.num_rows) > MAX_SAMPLES or max(needed, claimed) > MAX_PREPARED_BYTES:
            raise refuse(
                "parquet.size",
                f"{self.name} of {self.path.stat().st_size} bytes declares {metadata.num_rows} rows of"
                f" {metadata.num_columns} columns, at least {max(needed, claimed)} bytes; at most"
                f" {MAX_SAMPLES} rows and {MAX_PREPARED_BYTES} bytes are accepted.",
                "Upload a part of the rows.",
                "footer",
            )
        if rows != metadata.num_rows or metadata.num_rows < 0:
            raise refuse(
                "parquet.size",
                f"{self.name} declares {metadata.num_rows} rows, its row groups {rows}.",
                WRITE_AGAIN,
                "footer",
            )


def _check_footer(path: Path, name: str) -> None:
    size = path.stat().st_size
    if not size:
        raise refuse("file.empty", f"{name} is empty.", "Upload a file with rows.", "byte 0")
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(max(0, size - 8))
        end = file.read(8)
    if start == b"PARE" or end[4:] == b"PARE":
        raise refuse("parquet.encrypted", f"{name} is encrypted.", "Write it without encryption.", "byte 0")
    if size < 12 or start != MAGIC or end[4:] != MAGIC:
        raise refuse(
            "parquet.magic",
            f"{name} does not start and end as a Parquet file does.",
            "Upload the whole file, or choose its real kind.",
            "byte 0",
        )
    footer = int.from_bytes(end[:4], "little")
    if footer > min(size - 12, MAX_FOOTER_BYTES):
        raise refuse(
            "parquet.footer",
            f"{name} of {size} bytes declares a footer of {footer}.",
            WRITE_AGAIN,
            f"byte {size - 8}",
        )


def _without_nan(batch: pa.RecordBatch) -> pa.RecordBatch:
    """NaN is a missing value, as it is in a CSV."""
    columns = [
        pc.call_function(
            "if_else", [pc.call_function("is_nan", [column]), pa.scalar(None, column.type), column]
        )
        if pa.types.is_float32(column.type) or pa.types.is_float64(column.type)
        else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
