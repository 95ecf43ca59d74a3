"""The inspect runs: is this upload a model, is this upload a dataset, and what does it hold."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

from gpu_worker import contract, data, sandbox
from gpu_worker.contract import (
    InspectDatasetResult,
    InspectDatasetSpec,
    InspectModelResult,
    InspectModelSpec,
)
from gpu_worker.jobs.data import local_files, open_files, to_split, to_transform
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


def inspect_dataset(
    spec: InspectDatasetSpec, door: Door, stop: threading.Event, attempt: int = 1
) -> InspectDatasetResult:
    """Reads an uploaded dataset in the sandbox: a report with warnings, or the rule that refused it.

    A spec that names a model ends with a test batch there. Only the first attempt tries it: a batch never
    costs a dataset its check.

    Tables and pictures become one NPZ blob that workers map, so that nobody parses them again.
    """
    shares = {"files": 1.0, "convert": 6.0, "samples": 4.0} | ({"batch": 3.0} if spec.model else {})
    checklist = Checklist(door, shares)
    checklist.start("files", "Reading the files")
    files = local_files(door, spec.files)
    checklist.finish("files", f"{len(files)} files")

    def on_percent(percent: int) -> None:
        if stop.is_set():
            raise Stopped("stopped while the files were converted")
        checklist.advance("convert", percent, 100, f"{percent} % converted")

    with tempfile.TemporaryDirectory(prefix="lathe-dataset-") as folder:
        prepared = None
        checklist.start("convert", "Turning the files into arrays")
        if spec.files[0].format in PREPARED_FORMATS:
            into = Path(folder) / "samples.npz"
            prepared = sandbox.prepare_dataset(files, _to_mapping(spec), spec.labels, into, on_percent)
            if isinstance(prepared, sandbox.Refusal):
                return _refused(checklist, "convert", prepared)
            if spec.split.kind == "files" and prepared.split == "seeded":
                return _refused(checklist, "convert", NO_TEST_PART)
            files = [data.DatasetFile("data", "npz", into, spec.files[0].name)]
            checklist.finish("convert", f"{into.stat().st_size} bytes of arrays")
        else:
            checklist.finish("convert", "read as they are")
        if stop.is_set():
            raise Stopped("stopped before the samples were read")
        result = _check(spec, files, prepared, door, checklist)
        if spec.model is None or result.report is None:
            return result
        if stop.is_set():
            raise Stopped("stopped before the batch was tried")
        batch = _try(spec, spec.model, files, result.report, door, checklist, attempt)
        return result.model_copy(update={"batch": batch})


TASKS: dict[data.TaskName, str] = {
    "classification": "{} classes",
    "multilabel": "{} labels",
    "regression": "values to be predicted",
    "tokens": "tokens of {} classes",
    "unlabelled": "no labels",
}
PREPARED_FORMATS = ("csv", "parquet", "images")
NO_TEST_PART = sandbox.Refusal(
    "split.files",
    "The archive has no folders train and test.",
    "Arrange pictures as train/class/name.png and test/class/name.png, or draw the split by a seed.",
)


def _check(
    spec: InspectDatasetSpec,
    files: list[data.DatasetFile],
    prepared: data.Prepared | None,
    door: Door,
    checklist: Checklist,
) -> InspectDatasetResult:
    checklist.start("samples", "Checking shapes, labels, classes and equal samples")
    split = to_split(spec.split)
    if prepared is not None and prepared.split == "files":
        split = data.Split("files")
    report = sandbox.check_dataset(
        files,
        split,
        None if spec.transform is None else to_transform(spec.transform),
        standardise=prepared is not None and prepared.mapping is not None and prepared.mapping.standardise,
        task=spec.task if prepared is None or prepared.mapping is None else prepared.mapping.task,
    )
    if isinstance(report, sandbox.Refusal):
        return _refused(checklist, "samples", report)
    errors = [problem for problem in report.problems if problem.level == "error"]
    if errors:
        found = errors[0]
        refusal = sandbox.Refusal(found.rule, found.message, found.remedy, found.where)
        return _refused(checklist, "samples", refusal)
    answer = _to_report(report)
    if prepared is not None:
        artifact = door.put_blob(files[0].path)
        answer = _with_prepared(answer, prepared, artifact, spec)
    warnings = len(answer.problems)
    found = f"{report.n} samples, {TASKS[report.task].format(report.classes)}"
    found += f", {warnings} warnings" if warnings else ""
    checklist.finish("samples", found, "warning" if warnings else "ok")
    return InspectDatasetResult(report=answer, refusal=None)


def _try(
    spec: InspectDatasetSpec,
    model: str,
    files: list[data.DatasetFile],
    report: contract.DatasetReport,
    door: Door,
    checklist: Checklist,
    attempt: int,
) -> contract.TriedBatch:
    """A test batch of a dataset that has passed; whatever happens, the answer says so."""
    from gpu_worker.jobs.trying import not_tried, tried  # loads the libraries that a check does without

    if attempt > 1:
        return not_tried(
            checklist,
            report.task,
            "An earlier attempt of this check ended, perhaps while the batch was tried.",
        )
    try:
        dataset = open_files(files, report.split or spec.split, report.transform, report.task)
        return tried(door.blob(model).read_bytes(), dataset, checklist, 1)
    except Exception as error:  # of any library: the dataset has passed, whatever the model does
        return not_tried(checklist, report.task, f"The batch ended with an error: {str(error)[:300]}")


def _refused(checklist: Checklist, step: str, refusal: sandbox.Refusal) -> InspectDatasetResult:
    checklist.finish(step, refusal.message, "failed")
    return InspectDatasetResult(report=None, refusal=to_refusal(refusal))


def _to_mapping(spec: InspectDatasetSpec) -> data.Mapping:
    mapping = spec.mapping
    if mapping is None:
        return data.Mapping(task=spec.task)
    features = None if mapping.features is None else tuple(mapping.features)
    return data.Mapping(mapping.label, features, mapping.standardise, spec.task, mapping.slice)


def _to_report(report: data.DatasetReport) -> contract.DatasetReport:
    return contract.DatasetReport(
        n=report.n,
        train=report.train,
        test=report.test,
        shape=list(report.shape),
        dtype=report.dtype,
        task=report.task,
        label_shape=list(report.label_shape),
        values=[_to_value_balance(found) for found in report.values],
        slices=[contract.SliceBalance(name=s.name, train=s.train, test=s.test) for s in report.slices],
        classes=[contract.ClassBalance(label=c.label, train=c.train, test=c.test) for c in report.counts],
        transform=contract.Transform(
            scale=report.transform.scale,
            mean=_on_wire(report.transform.mean),
            std=_on_wire(report.transform.std),
        ),
        problems=[to_refusal(problem) for problem in report.problems],
        previews=[
            contract.SamplePreview(sample_id=preview.sample_id, label=preview.label, png=preview.png)
            for preview in report.previews
        ],
        rows=[
            contract.SampleRow(sample_id=row.sample_id, values=row.values, label=row.label)
            for row in report.rows
        ],
        leakage=None if report.leakage is None else _to_leakage(report.leakage),
    )


def _to_value_balance(found: data.ValueBalance) -> contract.ValueBalance:
    return contract.ValueBalance(
        min=found.min,
        max=found.max,
        mean=found.mean,
        std=found.std,
        bins=[contract.Bin(train=a, test=b) for a, b in zip(found.train, found.test, strict=True)],
    )


def _on_wire(value: float | tuple[float, ...]) -> float | list[float]:
    return list(value) if isinstance(value, tuple) else value


def _to_leakage(leakage: data.Leakage) -> contract.Leakage:
    return contract.Leakage(
        between=leakage.between,
        pairs=[contract.Pair(train=train, test=test) for train, test in leakage.pairs],
        repeated=leakage.repeated,
        conflicting=leakage.conflicting,
    )


def _with_prepared(
    report: contract.DatasetReport,
    prepared: data.Prepared,
    artifact: contract.Artifact,
    spec: InspectDatasetSpec,
) -> contract.DatasetReport:
    """The report of a converted dataset: what it was before, and where its arrays are."""
    table = None
    if prepared.mapping is not None:
        mapping = prepared.mapping
        table = contract.TableReport(
            columns=[contract.TableColumn(**vars(column)) for column in prepared.columns],
            rows=prepared.rows,
            mapping=contract.TableMapping(
                label=mapping.label,
                features=list(mapping.features or ()),
                standardise=mapping.standardise,
                slice=mapping.slice,
            ),
        )
    split = None
    if prepared.split != spec.split.kind:
        split = contract.Split(
            kind=prepared.split, seed=spec.split.seed, test_fraction=spec.split.test_fraction
        )
    return report.model_copy(
        update={
            "problems": [*report.problems, *map(to_refusal, prepared.problems)],
            "table": table,
            "labels": prepared.labels,
            "split": split,
            "prepared": [
                contract.DatasetFile(
                    role="data",
                    format="npz",
                    sha256=artifact.sha256,
                    bytes=artifact.bytes,
                    name="samples.npz",
                )
            ],
        }
    )
