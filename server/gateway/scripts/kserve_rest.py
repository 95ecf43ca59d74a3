"""KServe's inference client, as it is published, against a gateway; prints what it saw as JSON.

Its package opens by importing a model server and Kubernetes, which its client does not need: an empty module stands
for the package, and every module of the client is loaded from where it was installed.
"""

import asyncio
import importlib.util
import json
import os
import sys
from types import ModuleType

import httpx
import numpy as np

found = importlib.util.find_spec("kserve")
package = ModuleType("kserve")
package.__path__ = list(found.submodule_search_locations or []) if found else []
sys.modules["kserve"] = package

from kserve.inference_client import InferenceRESTClient, RESTConfig  # noqa: E402
from kserve.protocol.infer_type import InferInput, InferRequest, InferResponse, RequestedOutput  # noqa: E402

URL = f"http://{os.environ['LATHE_GATEWAY']}"
MODEL = "garment"
K = 400
VALUES = {
    "fp32": ("FP32", np.linspace(-1, 1, 2 * K, dtype=np.float32).reshape(2, K)),
    "fp16": ("FP16", np.linspace(-1, 1, 2 * K).astype(np.float16).reshape(2, K)),
    "text": ("BYTES", np.array([[f"ä{n}".encode() for n in range(K)]] * 2, dtype=np.object_)),
}


def headers() -> dict[str, str]:
    """New ones each time: the client adds its own to what it is given."""
    return {"Authorization": f"Bearer {os.environ['LATHE_TOKEN']}"}


def request(binary: bool) -> InferRequest:
    inputs = []
    for name, (datatype, values) in VALUES.items():
        inputs.append(InferInput(name, list(values.shape), datatype))
        # The client itself sends FP16 as binary data only.
        inputs[-1].set_data_from_numpy(values, binary_data=binary or datatype == "FP16")
    outputs = [RequestedOutput(f"{name}_out", {"binary_data": binary or name == "fp16"}) for name in VALUES]
    return InferRequest(MODEL, inputs, request_id="seven", request_outputs=outputs)


def text_of(value: object) -> object:
    return value.decode() if isinstance(value, bytes) else value


def came_back(answer: InferResponse) -> bool:
    given = {output.name: output.as_numpy() for output in answer.outputs}
    return all(
        list(map(text_of, given[f"{name}_out"].ravel().tolist())) == list(map(text_of, values.ravel().tolist()))
        for name, (_, values) in VALUES.items()
    )


async def main() -> None:
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:

        async def asked(data: InferRequest | dict, model: str = MODEL, **how: object) -> InferResponse:
            return await client.infer(URL, data, model_name=model, **{"headers": headers(), **how})

        async def refused(data: InferRequest | dict, **how: object) -> list[object]:
            try:
                await asked(data, **how)
            except httpx.HTTPStatusError as error:
                return [error.response.status_code, str(error).split(", '")[0]]
            return [None, None]

        answer = await asked(request(True))
        packed = headers() | {"accept-encoding": "gzip"}
        wrong = {"inputs": [{"name": "fp32", "datatype": "FP64", "shape": [1, 1], "data": [1]}]}
        saw = {
            "live": await client.is_server_live(URL),
            "ready": await client.is_server_ready(URL),
            "model_ready": await client.is_model_ready(URL, MODEL, headers=headers()),
            "other_ready": await client.is_model_ready(URL, "other", headers=headers()),
            "id": answer.id,
            "binary": came_back(answer),
            "json": came_back(await asked(request(False))),
            "gzip": came_back(await asked(request(True), headers=packed)),
            "at_once": all(map(came_back, await asyncio.gather(*(asked(request(True)) for _ in range(4))))),
            "wrong_type": await refused(wrong),
            "no_token": await refused(request(True), headers={}),
            "no_model": await refused(request(True), model="other"),
        }
    print(json.dumps(saw))


asyncio.run(main())
