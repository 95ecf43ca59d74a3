"""Telling by its first bytes what a file is. Only ONNX goes on; nothing else is opened or unpickled."""

from __future__ import annotations

from gpu_worker.sandbox.report import Refused

EXPORT = "Export the model with torch.onnx.export(model, example, path, external_data=False, optimize=False)."

PICKLE = "is a Python pickle, which runs code when it is loaded"
SIGNATURES: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"\x1f\x8b", "magic.gzip", "is gzip-compressed"),
    (0, b"\x28\xb5\x2f\xfd", "magic.zstd", "is zstd-compressed"),
    (0, b"BZh", "magic.bzip2", "is bzip2-compressed"),
    (0, b"\xfd7zXZ\x00", "magic.xz", "is xz-compressed"),
    (0, b"\x78\x01", "magic.zlib", "is zlib-compressed"),
    (0, b"\x78\x5e", "magic.zlib", "is zlib-compressed"),
    (0, b"\x78\x9c", "magic.zlib", "is zlib-compressed"),
    (0, b"\x78\xda", "magic.zlib", "is zlib-compressed"),
    (0, b"\x04\x22\x4d\x18", "magic.lz4", "is lz4-compressed"),
    (0, b"7z\xbc\xaf\x27\x1c", "magic.7z", "is a 7z archive"),
    (257, b"ustar", "magic.tar", "is a tar archive"),
    (0, b"\x89HDF\r\n\x1a\n", "magic.hdf5", "is an HDF5 file (Keras)"),
    (0, b"\x93NUMPY", "magic.numpy", "is a NumPy array"),
    (4, b"TFL3", "magic.tflite", "is a TensorFlow Lite model"),
    (4, b"ORTM", "magic.ort", "is an ONNX Runtime flatbuffer"),
    (0, b"GGUF", "magic.gguf", "is a GGUF file"),
    (0, b"\x7fELF", "magic.program", "is a program"),
    (0, b"MZ", "magic.program", "is a program"),
    (0, b"#!", "magic.program", "is a script"),
)
ZIP = b"PK\x03\x04"


def check_magic(data: bytes, name: str) -> None:
    """Raises Refused, with the rule for what the file is, unless it may be ONNX."""
    if not data:
        raise Refused("magic.empty", f"{name} is empty.", "Upload the file again.", "byte 0")
    if data[:1] == b"\x80" and len(data) > 1 and data[1] <= 5:
        raise Refused("magic.pickle", f"{name} {PICKLE}; it was not opened.", EXPORT, "byte 0")
    if data[:4] in (ZIP, b"PK\x05\x06", b"PK\x07\x08"):
        _refuse_zip(data, name)
    for offset, signature, rule, what in SIGNATURES:
        if data[offset : offset + len(signature)] == signature:
            raise Refused(rule, f"{name} {what}, not an ONNX model.", EXPORT, f"byte {offset}")
    if data[8:10] in (b'{"', b"{}", b"{ ", b"{\n"):  # whatever length the header claims, which nobody reads
        message = f"{name} is a safetensors file: weights without a graph that could be run."
        raise Refused("magic.safetensors", message, EXPORT, "byte 0")


def _refuse_zip(data: bytes, name: str) -> None:
    """Names in a zip stand uncompressed in its headers, so they can be looked for without opening it."""
    edges = data[: 1 << 16] + data[-(1 << 20) :]
    if b"constants.pkl" in edges and b"/code/" in edges:
        rule, what = "magic.torchscript", "a TorchScript archive, which runs code when it is loaded"
    elif b".data/extern_modules" in edges:
        rule, what = "magic.package", "a torch.package, which runs code when it is loaded"
    elif b"data.pkl" in edges:
        rule, what = "magic.pytorch", "a PyTorch .pt archive: a pickle, which runs code when it is loaded"
    elif b"serialized_exported_program" in edges or b"archive_format" in edges:
        rule, what = "magic.pt2", "a torch.export .pt2 archive, which may hold pickles"
    else:
        rule, what = "magic.zip", "a zip archive"
    raise Refused(rule, f"{name} is {what}; it was not opened.", EXPORT, "byte 0")
