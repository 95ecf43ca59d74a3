"""Weights drawn anew for an imported graph, to train it from scratch."""

from __future__ import annotations

import torch
from torch import Tensor, fx, nn

from gpu_worker.importer.ops_plain import leak

STD = 0.02
"""Of what no layer says how to draw (as in arXiv:1810.04805)."""
SLOPE = 0.25
"""Of a PReLU (arXiv:1502.01852)."""


def draw_weights(module: fx.GraphModule, seed: int) -> None:
    """Draws all weights in place: the same seed gives the same ones.

    Layers draw their own by `reset_parameters`, running statistics included. Parameters that belong to no
    layer go by their use: a factor or divisor starts at 1, a PReLU's slope at ¼, a bias (a summand that
    varies along one axis) at 0, anything else at a normal draw of deviation 0.02.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        drawn: set[int] = set()
        for part in module.modules():
            reset = getattr(part, "reset_parameters", None)
            if reset is not None:
                reset()
                drawn |= {id(parameter) for parameter in part.parameters(recurse=False)}
        for name, parameter in module.named_parameters():
            if id(parameter) not in drawn:
                _draw_by_use(parameter, [node for node in module.graph.nodes if node.target == name])


@torch.no_grad()
def _draw_by_use(parameter: nn.Parameter | Tensor, nodes: list[fx.Node]) -> None:
    uses = {user.target for node in nodes for user in node.users}
    if uses <= {torch.mul, torch.div}:
        parameter.fill_(1)
    elif uses <= {leak}:
        parameter.fill_(SLOPE)
    elif uses <= {torch.add, torch.sub} and sum(size > 1 for size in parameter.shape) <= 1:
        parameter.zero_()
    else:
        parameter.normal_(std=STD)
