"""The inspect runs: is this upload a model, is this upload a dataset, and what does it hold."""

from __future__ import annotations

import threading

from gpu_worker import contract, data, sandbox
from gpu_worker.contract import (
    InspectDatasetResult,
    InspectDatasetSpec,
    InspectModelResult,
    InspectModelSpec,
)
from gpu_worker.jobs.data import local_files, to_split
from gpu_worker.jobs.inspection import to_inspection, to_refusal
from gpu_worker.jobs.ports import Door, Stopped
from gpu_worker.jobs.progress import Checklist

MODEL_SHARES = dict.fromkeys(sandbox.CHECKLIST, 1.0) | {"checker": 8.0, "importable": 6.0}
"""The libraries are loaded on the way to the checker and take most of the time."""


def inspect_model(spec: InspectModelSpec, door: Door, stop: threading.Event) -> InspectModelResult:
    """Looks at an uploaded file in the sandbox: an inspection, or the rule that refused it."""
    if stop.is_set():
        raise Stopped("stopped before the inspection")
    checklist = Checklist(door, MODEL_SHARES)
    limits = sandbox.Limits(
        file_bytes=spec.limits.bytes,
        memory_bytes=spec.limits.memory_bytes,
        cpu_s=max(1, round(spec.limits.seconds)),
        wall_s=spec.limits.seconds,
    )
    found = sandbox.inspect_model(
        door.blob(spec.blob),
        spec.filename,
        limits,
        lambda item: checklist.record(item.id, item.state, item.detail),
    )
    if isinstance(found, sandbox.Refusal):
        return InspectModelResult(inspection=None, refusal=to_refusal(found))
    return InspectModelResult(inspection=to_inspection(found), refusal=None)


def inspect_dataset(spec: InspectDatasetSpec, door: Door, stop: threading.Event) -> InspectDatasetResult:
    """Reads an uploaded dataset once: a report with warnings, or the rule that refused it."""
    checklist = Checklist(door, {"files": 1.0, "samples": 4.0})
    checklist.start("files", "Reading the files")
    files = local_files(door, spec.files)
    checklist.finish("files", f"{len(files)} files")
    if stop.is_set():
        raise Stopped("stopped before the samples were read")
    checklist.start("samples", "Checking shapes, labels and classes")
    report = data.check_dataset(files, to_split(spec.split))
    errors = [problem for problem in report.problems if problem.level == "error"]
    if errors:
        checklist.finish("samples", errors[0].message, "failed")
        return InspectDatasetResult(report=None, refusal=_to_refusal(errors[0]))
    warnings = len(report.problems)
    found = f"{report.n} samples in {report.classes} classes" + (f", {warnings} warnings" if warnings else "")
    checklist.finish("samples", found, "warning" if warnings else "ok")
    return InspectDatasetResult(report=_to_report(report), refusal=None)


def _to_refusal(problem: data.Problem) -> contract.Refusal:
    return contract.Refusal(rule=problem.rule, message=problem.message, where=None, remedy=problem.remedy)


def _to_report(report: data.DatasetReport) -> contract.DatasetReport:
    return contract.DatasetReport(
        n=report.n,
        train=sum(count.train for count in report.counts),
        test=sum(count.test for count in report.counts),
        shape=list(report.shape),
        dtype=report.dtype,
        classes=[contract.ClassBalance(label=c.label, train=c.train, test=c.test) for c in report.counts],
        transform=contract.Transform(
            scale=report.transform.scale, mean=report.transform.mean, std=report.transform.std
        ),
        problems=[_to_refusal(problem) for problem in report.problems],
        previews=[
            contract.SamplePreview(sample_id=preview.sample_id, label=preview.label, png=preview.png)
            for preview in report.previews
        ],
    )
