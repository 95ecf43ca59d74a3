"""The coarse curve that a session measures by itself, for the console to draw predictions through."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gpu_worker.compress import macs, sizes_live
from gpu_worker.contract import PreviewPoint, Settings
from gpu_worker.jobs.recipes import to_sizes
from gpu_worker.studio.bench import Bench

SAMPLES = 250
SPARSITIES = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
CHANNEL_POINTS = 6


def preview_settings(bench: Bench, channel_stops: list[float]) -> Iterator[tuple[str, Settings]]:
    """The settings worth a point, dial by dial interleaved, so that both curves take shape together."""
    stops = [stop for stop in channel_stops if stop > 0]
    step = max(1, -(-len(stops) // CHANNEL_POINTS))
    channels = stops[step - 1 :: step] if bench.allows("channels") else []
    sparsities = list(SPARSITIES) if bench.allows("sparsity") else []
    for place in range(max(len(channels), len(sparsities))):
        if place < len(sparsities):
            yield "sparsity", Settings(channels=0, sparsity=sparsities[place], precision="fp32")
        if place < len(channels):
            yield "channels", Settings(channels=channels[place], sparsity=0, precision="fp32")


def preview_point(bench: Bench, settings: Settings, stop: Callable[[], bool]) -> PreviewPoint | None:
    """One measured point; None when it was interrupted."""
    built = bench.build(settings)
    samples = min(SAMPLES, len(bench.order))
    answers = bench.predict(bench.open(built.onnx), 0, samples, stop)
    if len(answers) < samples:
        return None
    return PreviewPoint(
        ratio=max(settings.channels, settings.sparsity),
        accuracy=float(bench.scores(answers).mean()),
        n=samples,
        sizes=to_sizes(sizes_live(built.onnx)),
        macs=macs(built.float_onnx),
    )
