"""Triton's client, as it is published, against a gateway; prints what it saw as JSON."""

import json
import os

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

MODEL = "garment"
STAGING = "garment@staging"
K = 400
VALUES = {
    "fp32": ("FP32", np.linspace(-1, 1, 2 * K, dtype=np.float32).reshape(2, K)),
    "fp16": ("FP16", np.linspace(-1, 1, 2 * K).astype(np.float16).reshape(2, K)),
    "text": ("BYTES", np.array([[f"ä{n}".encode() for n in range(K)]] * 2, dtype=np.object_)),
}
client = triton.InferenceServerClient(os.environ["LATHE_GATEWAY"], concurrency=8)


def headers() -> dict[str, str]:
    """New ones each time: the client adds its own to what it is given."""
    return {"Authorization": f"Bearer {os.environ['LATHE_TOKEN']}"}


def inputs(binary: bool) -> list[triton.InferInput]:
    made = []
    for name, (datatype, values) in VALUES.items():
        made.append(triton.InferInput(name, list(values.shape), datatype))
        # The client itself sends FP16 as binary data only.
        made[-1].set_data_from_numpy(values, binary_data=binary or datatype == "FP16")
    return made


def outputs(binary: bool) -> list[triton.InferRequestedOutput]:
    return [triton.InferRequestedOutput(f"{name}_out", binary_data=binary) for name in VALUES]


def came_back(answer: triton.InferResult) -> bool:
    def same(name: str, values: np.ndarray) -> bool:
        given = answer.as_numpy(f"{name}_out")
        if given is None or given.shape != values.shape:
            return False
        texts = [v.decode() if isinstance(v, bytes) else v for v in given.ravel().tolist()]
        wanted = [v.decode() if isinstance(v, bytes) else v for v in values.ravel().tolist()]
        return texts == wanted

    return all(same(name, values) for name, (_, values) in VALUES.items())


def asked(**how: object) -> bool:
    return came_back(client.infer(MODEL, inputs(True), headers=headers(), **how))


def refused(call: object) -> list[str | None]:
    try:
        call()  # type: ignore[operator]
    except InferenceServerException as error:
        return [error.status(), error.message()]
    return [None, None]


wrong = triton.InferInput("fp32", [1, 1], "FP64")
wrong.set_data_from_numpy(np.ones((1, 1)))
answer = client.infer(MODEL, inputs(True), headers=headers(), request_id="seven")
pending = [client.async_infer(MODEL, inputs(True), headers=headers()) for _ in range(4)]
print(
    json.dumps(
        {
            "live": client.is_server_live(),
            "ready": client.is_server_ready(),
            "model_ready": client.is_model_ready(MODEL, headers=headers()),
            "version_ready": client.is_model_ready(MODEL, "1", headers=headers()),
            "other_version_ready": client.is_model_ready(MODEL, "9", headers=headers()),
            "extensions": client.get_server_metadata()["extensions"],
            "inputs": client.get_model_metadata(MODEL, headers=headers())["inputs"],
            "id": answer.get_response()["id"],
            "version": answer.get_response()["model_version"],
            "binary": came_back(answer),
            "json": came_back(client.infer(MODEL, inputs(False), outputs=outputs(False), headers=headers())),
            "some_outputs": asked(outputs=outputs(True)),
            "gzip": asked(request_compression_algorithm="gzip", response_compression_algorithm="gzip"),
            "deflate": asked(
                request_compression_algorithm="deflate", response_compression_algorithm="deflate"
            ),
            "at_once": all(came_back(one.get_result()) for one in pending),
            "staging": came_back(client.infer(STAGING, inputs(True), headers=headers())),
            "staging_ready": client.is_model_ready(STAGING, "1", headers=headers()),
            "staging_inputs": len(client.get_model_metadata(STAGING, headers=headers())["inputs"]),
            "no_staging": refused(lambda: client.infer("other@staging", inputs(True), headers=headers())),
            "timeout": asked(timeout=5_000_000),
            "wrong_type": refused(lambda: client.infer(MODEL, [wrong], headers=headers())),
            "no_token": refused(lambda: client.infer(MODEL, inputs(True))),
            "no_model": refused(lambda: client.infer("other", inputs(True), headers=headers())),
        }
    )
)
