"""CSV files that nobody trusts: our own look at bytes and header first, then pyarrow in blocks."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow

from gpu_worker.data.spec import DatasetError, refuse
from gpu_worker.data.table import check_columns

MAX_LINE_BYTES = 1 << 20
BLOCK_BYTES = 4 << 20
"""A block holds whole rows, and a row may take several lines."""

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
MISSING = ["", "NA", "N/A", "NaN", "nan", "NAN", "null", "NULL", "None", "-nan", "#N/A"]
SCAN_BYTES = 1 << 20


class CsvTable:
    """A UTF-8 file with a header; all values are read as text without the blanks around it."""

    def __init__(self, path: Path, name: str) -> None:
        """Raises DatasetError when the bytes are no text with a header."""
        self.path, self.name = path, name
        _check_bytes(path, name)
        self.delimiter, self.columns = _header(path, name)
        check_columns(self.columns, name)
        if all(_is_number(column) for column in self.columns):
            raise refuse(
                "csv.header",
                f"The first line of {name} holds only numbers, not the names of columns.",
                "Put a line with the name of each column first.",
                "line 1",
            )

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[float, pa.RecordBatch]]:
        """See table.Table."""
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            try:
                reader = arrow.open_csv(
                    file,
                    arrow.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
                    arrow.ParseOptions(
                        delimiter=self.delimiter,
                        newlines_in_values=True,
                        invalid_row_handler=lambda _: "error",
                    ),
                    arrow.ConvertOptions(
                        column_types=dict.fromkeys(self.columns, pa.string()),
                        include_columns=list(columns),
                        null_values=MISSING,
                        strings_can_be_null=True,
                        check_utf8=False,
                    ),
                )
                for batch in reader:
                    yield min(1.0, file.tell() / size), _trimmed(batch)
            except pa.ArrowInvalid as error:
                raise self._ragged(error) from error

    def place(self, row: int) -> str:
        """The line on which a row ends."""
        for index, (line, _) in enumerate(self._rows()):
            if index == row:
                return f"line {line}"
        return f"row {row + 1}"

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """(line, cells) of each row after the header, by Python's parser: slow, for messages only."""
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter)
            next(reader)
            for cells in reader:
                if cells:
                    yield reader.line_num, cells

    def _ragged(self, error: pa.ArrowInvalid) -> DatasetError:
        before = 1
        try:
            for line, cells in self._rows():
                if len(cells) != len(self.columns):
                    return refuse(
                        "csv.ragged",
                        f"A row of {self.name} has {len(cells)} values, the header has {len(self.columns)}.",
                        "Give each row one value for each column; put quotes around text that holds a"
                        f" {DELIMITERS[self.delimiter]}.",
                        f"line {line}",
                    )
                before = line
        except csv.Error:
            pass
        return refuse(
            "csv.quote",
            f"A row of {self.name} does not end within {BLOCK_BYTES >> 20} MB: {str(error)[:120]}.",
            "Most often a quote is opened and not closed.",
            f"after line {before}",
        )


def _trimmed(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pc.call_function("utf8_trim_whitespace", [column]) for column in batch.columns],
        names=batch.schema.names,
    )


def _check_bytes(path: Path, name: str) -> None:
    """The whole file is UTF-8 text in lines of bearable length. Raises DatasetError, naming line or byte."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, start, at = 1, 0, 0
    with path.open("rb") as file:
        while chunk := file.read(SCAN_BYTES):
            zero = chunk.find(b"\0")
            if zero >= 0:
                raise refuse(
                    "csv.binary",
                    f"{name} holds zero bytes: it is no text in UTF-8.",
                    "Save it as CSV in UTF-8.",
                    f"byte {at + zero}",
                )
            _decode(decoder, chunk, at, line, name)
            at += len(chunk)
            ends = chunk.count(b"\n")
            if ends:
                line += ends
                start = at - len(chunk) + chunk.rfind(b"\n") + 1
            if at - start > MAX_LINE_BYTES:
                raise refuse(
                    "csv.line",
                    f"A line of {name} is longer than {MAX_LINE_BYTES} bytes.",
                    "Write one sample a line.",
                    f"line {line}",
                )
    if at == 0:
        raise refuse("file.empty", f"{name} is empty.", "Upload a file with a header and rows.", "byte 0")
    _decode(decoder, b"", at, line, name)


def _decode(decoder: codecs.IncrementalDecoder, chunk: bytes, at: int, line: int, name: str) -> None:
    held = len(decoder.getstate()[0])
    try:
        decoder.decode(chunk, final=not chunk)
    except UnicodeDecodeError as error:
        offset = at - held + error.start
        line += chunk[: max(0, error.start - held)].count(b"\n")
        raise refuse(
            "csv.encoding",
            f"{name} is not UTF-8: byte {offset} is 0x{error.object[error.start]:02x}.",
            "Save it in UTF-8.",
            f"line {line}, byte {offset}",
        ) from error


def _header(path: Path, name: str) -> tuple[str, list[str]]:
    """(delimiter, names): the delimiter that gives the first line the most columns."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = next((line for line in file if line.strip()), "")
    if not first:
        raise refuse(
            "file.empty", f"{name} holds no text.", "Upload a file with a header and rows.", "line 1"
        )
    found: dict[str, list[str]] = {}
    for delimiter in DELIMITERS:
        try:
            found[delimiter] = [cell.strip() for cell in next(csv.reader([first], delimiter=delimiter))]
        except csv.Error as error:
            raise refuse(
                "csv.header", f"The header of {name} cannot be read: {error}.", "Write it again.", "line 1"
            ) from error
    best = max(found, key=lambda delimiter: len(found[delimiter]))
    return best, found[best]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
