"""The teacher of a distillation: an ancestor whose answers are computed as they are needed."""

from __future__ import annotations

from collections.abc import Callable

import onnx
import torch
from torch import Tensor

from gpu_worker.contract import Teacher
from gpu_worker.evaluate import open_session, predict
from gpu_worker.importer import gives_probabilities, import_onnx, to_logits
from gpu_worker.jobs.ports import Blobs
from gpu_worker.learn.optimize import lay_out


def open_teacher(
    teacher: Teacher | None, blobs: Blobs, device: torch.device
) -> Callable[[Tensor], Tensor] | None:
    """A function from inputs to logits (N, classes) on the device of the inputs; None without a teacher.

    On a CPU ONNX Runtime answers, which takes any model, quantized ones too; on a GPU the imported module
    does.
    """
    if teacher is None or teacher.weight == 0:
        return None
    model = blobs.blob(teacher.blob).read_bytes()
    probabilities = gives_probabilities(onnx.load_model_from_string(model))
    if device.type == "cpu":
        session = open_session(model, torch.get_num_threads())
        return lambda inputs: to_logits(torch.from_numpy(predict(session, inputs.numpy())), probabilities)
    module = lay_out(import_onnx(model).module.to(device), torch.channels_last).eval()

    @torch.no_grad()
    def answer(inputs: Tensor) -> Tensor:
        return to_logits(module(inputs), probabilities)

    return answer
