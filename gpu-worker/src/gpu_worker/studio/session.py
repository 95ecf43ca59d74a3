"""A studio session: an HTTP server around a warm bench.

`POST /evaluate` and `POST /solve` (streams of NDJSON) · `GET /baseline` · `GET /sample/{id}` (PNG)
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from gpu_worker.compress import SensitivityScan
from gpu_worker.contract import (
    DesiredSession,
    EvaluateRequest,
    Preview,
    PreviewPoint,
    Settings,
    SolveRequest,
    StudioBaseline,
    to_wire,
)
from gpu_worker.data import encode_png, sample_pixels
from gpu_worker.evaluate import STEP, score_interval
from gpu_worker.jobs.ports import Blobs
from gpu_worker.jobs.recipes import to_merge, to_sensitivity
from gpu_worker.jobs.wire import to_figures, to_latency
from gpu_worker.serve.http import RequireBearer, serve_http
from gpu_worker.studio.bench import Bench
from gpu_worker.studio.evaluation import Desk, Partial
from gpu_worker.studio.preview import preview_point, preview_settings
from gpu_worker.studio.solving import solve

log = logging.getLogger(__name__)

MAX_CHANNELS, MAX_SPARSITY = 0.9, 0.95
CHUNK = 500
"""Samples of the version itself that background work measures before it looks whether it should step aside.
"""


def serve_session(
    desired: DesiredSession,
    door: Blobs,
    host: str,
    on_ready: Callable[[str], None],
    stop: threading.Event,
) -> None:
    """Opens the version and dataset, then answers the console on a free port of `host` until `stop` is set.

    on_ready: called with `http://host:port` when settings can be measured. Raises ValueError when the dataset
    does not fit the version.
    """
    session = Session(desired, Bench(desired, door))
    background = threading.Thread(target=session.work_in_background, name="preview", daemon=True)

    def ready(address: str) -> None:
        on_ready(address)
        background.start()

    try:
        serve_http(RequireBearer(session.app, desired.token), host, ready, stop)
    finally:
        session.desk.close()


class Session:
    """The routes, and what is measured of the version without being asked."""

    def __init__(self, desired: DesiredSession, bench: Bench) -> None:
        self._id = desired.session_id
        self._bench = bench
        self.desk = Desk(bench)
        bench.baseline(min(STEP, len(bench.order)), lambda: False)
        self._facts = bench.facts()
        self._preview: dict[str, list[PreviewPoint]] = {"channels": [], "sparsity": []}
        self.app = Starlette(
            routes=[
                Route("/evaluate", self._evaluate, methods=["POST"]),
                Route("/solve", self._solve, methods=["POST"]),
                Route("/baseline", self._baseline, methods=["GET"]),
                Route("/sample/{id:int}", self._sample, methods=["GET"]),
            ]
        )

    def work_in_background(self) -> None:
        """Warms int8, draws the preview curves, scans the layers, then measures the version on all samples;
        steps aside whenever a setting is being measured.
        """
        bench, desk = self._bench, self.desk
        if "int8" in bench.precisions():
            desk.in_background(self._warm_int8)
        for dial, settings in preview_settings(bench, self._facts.channel_stops):
            if not self._draw(dial, settings):
                return
        if bench.scan is not None and not self._complete(bench.scan):
            return
        while (known := len(bench.baseline_measured())) < len(bench.order):
            upto = min(known + CHUNK, len(bench.order))
            if not desk.in_background(lambda upto=upto: _discard(bench.baseline(upto, desk.wanted))):
                return

    def _warm_int8(self) -> None:
        """The first quantization loads its libraries and takes twice as long as the next."""
        try:
            self._bench.build(Settings(channels=0, sparsity=0, precision="int8"))
        except Exception:  # whoever turns the dial is told; here it only means that nothing is warm
            log.exception("int8 could not be warmed")

    def _complete(self, scan: SensitivityScan) -> bool:
        """Takes a scan to its end, which a setting that waits for it may do as well; False once the desk is
        closed.
        """
        failed = False

        def step() -> None:
            nonlocal failed
            try:
                if not scan.complete:
                    scan.step(self.desk.wanted)
            except Exception:  # whoever asks for shares by sensitivity is told
                log.exception("the scan stopped at step %d", scan.done)
                failed = True

        while not scan.complete and not failed:
            if not self.desk.in_background(step):
                return False
        return True

    def _draw(self, dial: str, settings: Settings) -> bool:
        """Adds one point to a curve, again from its start when it was interrupted; False once the desk is
        closed.
        """
        point: PreviewPoint | None = None
        failed = False

        def measure() -> None:
            nonlocal point, failed
            try:
                point = preview_point(self._bench, settings, self.desk.wanted)
            except Exception:  # a curve may lack a point
                log.exception("no preview of %s", settings)
                failed = True

        while point is None and not failed:
            if not self.desk.in_background(measure):
                return False
        if point is not None:
            self._preview[dial] = sorted([*self._preview[dial], point], key=lambda known: known.ratio)
        return True

    def baseline(self) -> StudioBaseline:
        """The version as measured so far."""
        task, answers = self._bench.task, self._bench.baseline_measured()
        scores = self._bench.scores(answers)
        low, high = score_interval(scores)
        facts = self._facts
        return StudioBaseline(
            session_id=self._id,
            n=len(scores),
            task=task.name,
            accuracy=float(scores.mean()),
            # What a version is to itself is no estimate.
            half_width=0.0 if task.is_relative else (high - low) / 2,
            figures=[]
            if task.is_relative
            else to_figures(task, self._bench.labels(len(scores)), None, answers),
            sizes=facts.sizes,
            macs=facts.macs,
            parameters=facts.parameters,
            latency=to_latency(facts.latency, against_itself=True),
            layers=facts.layers,
            channel_stops=facts.channel_stops,
            units=facts.units,
            unavailable=self._bench.unavailable,
            pattern_unfit=self._bench.pattern_unfit,
            preview=Preview(channels=self._preview["channels"], sparsity=self._preview["sparsity"]),
            sensitivity=to_sensitivity(self._bench.scan),
        )

    async def _baseline(self, request: Request) -> Response:
        return JSONResponse(to_wire(self.baseline()))

    async def _sample(self, request: Request) -> Response:
        sample = request.path_params["id"]
        if sample >= len(self._bench.dataset.x):
            return JSONResponse({"error": f"There is no sample {sample}."}, 404)
        pixels = sample_pixels(self._bench.dataset.x[sample])
        if pixels is None:
            return Response(status_code=204)
        return Response(encode_png(pixels), media_type="image/png")

    async def _evaluate(self, request: Request) -> Response:
        try:
            asked = EvaluateRequest.model_validate_json(await request.body())
            _check_settings(asked.settings)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 422)
        return _lines(lambda gone, tell: self.desk.evaluate(asked, gone, tell), f"evaluate-{asked.rev}")

    async def _solve(self, request: Request) -> Response:
        try:
            asked = SolveRequest.model_validate_json(await request.body())
            _check_settings(asked.settings)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 422)

        def work(gone: Callable[[], bool], tell: Callable[[Partial], None]) -> None:
            stops = self._facts.channel_stops or [0.0]
            self.desk.take(
                asked.rev,
                lambda arrived, stop: solve(self._bench, asked, stops, arrived, stop, tell),
                gone,
                tell,
            )

        return _lines(work, f"solve-{asked.rev}")


Work = Callable[[Callable[[], bool], Callable[[Partial], None]], None]


def _lines(work: Work, name: str) -> StreamingResponse:
    """What the work tells, a line each. It runs in its own thread, and is told when the asker is gone."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[Partial | None] = asyncio.Queue()
    gone = threading.Event()

    def tell(partial: Partial | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(queue.put_nowait, partial)

    def run() -> None:
        try:
            work(gone.is_set, tell)
        finally:
            tell(None)

    async def stream() -> AsyncIterator[bytes]:
        threading.Thread(target=run, name=name, daemon=True).start()
        try:
            while (partial := await queue.get()) is not None:
                yield json.dumps(to_wire(partial), separators=(",", ":")).encode() + b"\n"
        finally:
            gone.set()

    return StreamingResponse(stream(), media_type="application/x-ndjson")


def _check_settings(settings: Settings) -> None:
    _check_range("channels", settings.channels, MAX_CHANNELS)
    _check_range("sparsity", settings.sparsity, MAX_SPARSITY)
    for name, ratio in settings.layers.items():
        _check_range(f"The ratio of layer '{name}'", ratio, MAX_SPARSITY)
    if settings.merge is not None:
        to_merge(settings.merge)


def _check_range(dial: str, value: float, limit: float) -> None:
    if not 0 <= value <= limit:
        raise ValueError(f"{dial} must lie between 0 and {limit}, not {value}.")


def _discard(_: object) -> None:
    """What is wanted is the warm cache, not the answer."""
