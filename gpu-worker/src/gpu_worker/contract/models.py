"""The worker contract, generated from the Zod shapes by `npm run contract`. Do not edit."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel


class Contract(RootModel[Any]):
    root: Annotated[Any, Field(title='Contract')]


class ChecklistItem(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    id: str
    state: Literal['pending', 'running', 'ok', 'failed', 'warning']
    detail: str | None = None


class Refusal(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    rule: str
    message: str
    where: str | None = None
    remedy: str


class ClassBalance(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    label: int
    train: int
    test: int


class DatasetFile(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    role: Literal['data', 'data_test', 'x', 'y', 'x_test', 'y_test']
    format: Literal['npz', 'idx', 'csv', 'parquet', 'images']
    sha256: str
    bytes: int
    name: str


class Pair(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    train: int
    test: int


class Leakage(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    between: int
    pairs: list[Pair]
    repeated: int
    conflicting: int


class SamplePreview(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    sample_id: Annotated[int, Field(alias='sampleId')]
    label: int
    png: str


class SampleRow(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    sample_id: Annotated[int, Field(alias='sampleId')]
    values: list[float]
    label: list[float]


class SliceBalance(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    name: str
    train: int
    test: int


class Split(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    kind: Literal['files', 'seeded']
    seed: int = 0
    test_fraction: Annotated[float, Field(alias='testFraction')] = 0.2


class TableColumn(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    name: str
    type: Literal['int', 'float', 'bool', 'text', 'other']
    min: float | None
    max: float | None
    mean: float | None
    distinct: int | None
    missing: int


class TableMapping(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    label: str | None = None
    features: list[str] | None = None
    standardise: bool = True
    slice: str | None = None


class TableReport(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    columns: list[TableColumn]
    rows: list[list[str]]
    mapping: TableMapping


class Transform(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    scale: float = 1
    mean: float | list[float] = 0
    std: float | list[float] = 1


class Bin(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    train: int
    test: int


class ValueBalance(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    min: float
    max: float
    mean: float
    std: float
    bins: list[Bin]


class PerClassItem(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    label: int
    n: int
    correct: int
    gained: int
    lost: int


class Figure(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    name: Literal['mae', 'agreement', 'kl']
    value: float
    baseline: float | None


class GraphNode(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    name: str
    op: str
    layer: str | None
    inputs: list[str]
    outputs: list[str]
    shape: list[int | None] | None


class Op(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    op: str
    count: int


class Latency(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    batch: int
    p50_ms: Annotated[float, Field(alias='p50Ms')]
    baseline_p50_ms: Annotated[float | None, Field(alias='baselineP50Ms')]
    ratio: float | None
    ratio_low: Annotated[float | None, Field(alias='ratioLow')]
    ratio_high: Annotated[float | None, Field(alias='ratioHigh')]
    rounds: int


class LayerTime(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    name: str
    ms: float


class LayerTimes(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    batch: int
    runs: int
    total_ms: Annotated[float, Field(alias='totalMs')]
    layers: list[LayerTime]


class PairedDifference(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    n: int
    gained: int
    lost: int
    difference: float
    half_width: Annotated[float, Field(alias='halfWidth')]
    mcnemar_p: Annotated[float | None, Field(alias='mcnemarP')]


class PeakMemory(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    batch: int
    opened_bytes: Annotated[int, Field(alias='openedBytes')]
    peak_bytes: Annotated[int, Field(alias='peakBytes')]


class Sizes(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    file: int
    zstd19: int | None
    sparse: int
    packed: int


class SliceResult(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    name: str
    n: int
    accuracy: float
    half_width: Annotated[float, Field(alias='halfWidth')]
    paired: PairedDifference | None


class TensorSpec(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    name: str
    dtype: str
    shape: list[int | None]


class Fed(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    name: str
    dtype: str
    shape: list[int | None]
    min: float
    max: float


class Commonest(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    label: int
    share: float


class TriedBatch(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    verdict: Literal['passed', 'warning', 'failed']
    n: int
    task: Literal['classification', 'multilabel', 'regression', 'tokens', 'unlabelled']
    wanted: TensorSpec | None
    fed: Fed | None
    outputs: list[TensorSpec]
    finite: bool | None
    score: float | None
    commonest: Commonest | None
    ms: float | None
    problems: list[Refusal]


class WeightHistogram(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    n: int
    min: float
    max: float
    mean: float
    std: float
    zeros: int
    bins: list[int]


class AchievedRatio(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    channels: float
    sparsity: float


class LayerChange(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    name: str
    before: int
    after: int
    sparsity: float
    parameters: int


class MergeParents(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    partner: str
    ancestor: str | None


class ChangedSample(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    id: int
    label: int
    before: int
    after: int
    before_confidence: Annotated[float, Field(alias='beforeConfidence')]
    after_confidence: Annotated[float, Field(alias='afterConfidence')]


class MovedSample(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    id: int
    before: float
    after: float


class PreviewPoint(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    ratio: float
    accuracy: float
    n: int
    sizes: Sizes
    macs: int


class SensitivityCurve(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    name: str
    ratios: list[float]
    kl: list[float]


class PerClassItem1(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    label: int
    gained: int
    lost: int


class StudioAccuracy(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    type: Literal['accuracy'] = 'accuracy'
    rev: int
    elapsed_ms: Annotated[float, Field(alias='elapsedMs')]
    n: int
    total: int
    accuracy: float
    baseline_accuracy: Annotated[float, Field(alias='baselineAccuracy')]
    paired: PairedDifference
    figures: Annotated[list[Figure], Field(validate_default=True)] = []
    per_class: Annotated[list[PerClassItem1], Field(alias='perClass')]


class UnavailableItem(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    dial: Literal['channels', 'sparsity', 'pattern', 'recovery', 'precision', 'merge']
    option: str | None = None
    reason: str


class Preview(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    channels: list[PreviewPoint]
    sparsity: list[PreviewPoint]


class StudioBuilt(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    type: Literal['built'] = 'built'
    rev: int
    elapsed_ms: Annotated[float, Field(alias='elapsedMs')]
    achieved: AchievedRatio
    layers: list[LayerChange]
    sizes: Sizes
    macs: int


class StudioChanged(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    type: Literal['changed'] = 'changed'
    rev: int
    elapsed_ms: Annotated[float, Field(alias='elapsedMs')]
    total: int
    samples: list[ChangedSample]
    moved: Annotated[list[MovedSample], Field(validate_default=True)] = []


class StudioDone(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    type: Literal['done'] = 'done'
    rev: int
    elapsed_ms: Annotated[float, Field(alias='elapsedMs')]


class StudioFailed(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    type: Literal['failed'] = 'failed'
    rev: int
    message: str


class StudioLatency(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    type: Literal['latency'] = 'latency'
    rev: int
    elapsed_ms: Annotated[float, Field(alias='elapsedMs')]
    latency: list[Latency]


class StudioSizes(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    type: Literal['sizes'] = 'sizes'
    rev: int
    elapsed_ms: Annotated[float, Field(alias='elapsedMs')]
    sizes: Sizes


class StudioSuperseded(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    type: Literal['superseded'] = 'superseded'
    rev: int
    by: int


class StudioWork(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    type: Literal['work'] = 'work'
    rev: int
    elapsed_ms: Annotated[float, Field(alias='elapsedMs')]
    what: Literal['scan', 'recovery']
    done: int
    total: int
    eta_seconds: Annotated[float | None, Field(alias='etaSeconds')]


class Target1(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    goal: Literal['loss'] = 'loss'
    points: float


class Target2(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    goal: Literal['bytes'] = 'bytes'
    figure: Literal['file', 'zstd19']
    most: int


class Target3(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    goal: Literal['latency'] = 'latency'
    batch: Literal[1, 64]
    most_ms: Annotated[float, Field(alias='mostMs')]


class Artifact(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    sha256: str
    bytes: int


class Cause(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    kind: Literal[
        'worker_died',
        'worker_error',
        'driver_died',
        'node_lost',
        'placement',
        'timeout',
        'stalled',
        'out_of_memory',
        'stopped',
    ]
    message: str
    rank: int | None
    exit_code: Annotated[int | None, Field(alias='exitCode')]
    evidence: str


class CheckpointRef(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    step: int
    sha256: str
    bytes: int


class CheckpointReport(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    step: int
    sha256: str
    bytes: int
    metrics: dict[str, float]


class Error(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    code: str
    message: str
    request_id: Annotated[str, Field(alias='requestId')]


class DoorError(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    error: Error


class ErrorReport(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    cause: Cause


class Fit(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    state: Literal['now', 'after_scaling', 'waits', 'never']
    says: str


class InitArchitecture(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    from_: Annotated[Literal['architecture'], Field(alias='from')] = 'architecture'
    name: Literal['resnet-small'] = 'resnet-small'
    input_shape: Annotated[list[int], Field(alias='inputShape')]
    classes: int


class InitVersion(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    from_: Annotated[Literal['version'], Field(alias='from')] = 'version'
    blob: str
    weights: Literal['kept', 'fresh'] = 'kept'


class InspectDatasetSpec(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    kind: Literal['inspect_dataset'] = 'inspect_dataset'
    files: list[DatasetFile]
    split: Split
    transform: Transform | None = None
    mapping: TableMapping | None = None
    task: (
        Literal['classification', 'multilabel', 'regression', 'tokens', 'unlabelled']
        | None
    ) = None
    labels: list[str] = []
    model: str | None = None


class Limits(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    bytes: int
    memory_bytes: Annotated[int, Field(alias='memoryBytes')]
    seconds: float


class InspectModelSpec(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    kind: Literal['inspect_model'] = 'inspect_model'
    blob: str
    filename: str
    limits: Limits


class LogChunk(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    rank: int
    offset: int
    text: str


class LogsReport(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    chunks: list[LogChunk]


class MetricPoint(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    name: str
    rank: int
    step: int
    ts: int
    value: float | None


class MetricsReport(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    points: list[MetricPoint]


class NextAttempt(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    attempt_id: Annotated[str, Field(alias='attemptId')]
    attempt: int
    token: str
    checkpoint: CheckpointRef | None


class NextAttemptRequest(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    cause: Cause
    last_step: Annotated[int, Field(alias='lastStep')]


class Progress(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    phase: str
    percent: float | None
    step: int | None
    total_steps: Annotated[int | None, Field(alias='totalSteps')]
    eta_seconds: Annotated[float | None, Field(alias='etaSeconds')]
    message: str
    checklist: Annotated[list[ChecklistItem], Field(validate_default=True)] = []


class ProgressReport(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    progress: Progress


class Resources(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    workers: int
    cpus: float
    gpus: float


class RoomAnswer(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    workers: int


class RoomRequest(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    nodes: list[str]


class ScriptResult(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    kind: Literal['script'] = 'script'
    seconds: float
    environment: dict[str, str]


class Teacher(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    blob: str
    temperature: float = 4
    weight: float = 0.9


class TrainHyper(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    epochs: float = 1
    global_batch: Annotated[int, Field(alias='globalBatch')] = 256
    lr: float = 0.003
    schedule: Literal['cosine', 'linear', 'constant'] = 'cosine'
    warmup_fraction: Annotated[float, Field(alias='warmupFraction')] = 0.05
    optimizer: Literal['sgd', 'adamw'] = 'adamw'
    weight_decay: Annotated[float, Field(alias='weightDecay')] = 0.0001
    clip_norm: Annotated[float, Field(alias='clipNorm')] = 5
    augment: bool = False
    accumulate: int = 1
    compute: Literal['fp32', 'bf16'] = 'fp32'
    on_divergence: Annotated[
        Literal['stop', 'lower_rate'], Field(alias='onDivergence')
    ] = 'stop'
    lower_rate_factor: Annotated[float, Field(alias='lowerRateFactor')] = 0.5
    lower_rate_times: Annotated[int, Field(alias='lowerRateTimes')] = 3
    on_out_of_memory: Annotated[
        Literal['smaller_batch', 'stop'], Field(alias='onOutOfMemory')
    ] = 'smaller_batch'
    seed: int = 0
    checkpoint_every_steps: Annotated[int, Field(alias='checkpointEverySteps')] = 25
    keep_last: Annotated[int, Field(alias='keepLast')] = 3
    keep_every_steps: Annotated[int, Field(alias='keepEverySteps')] = 0
    evaluate_every_steps: Annotated[int, Field(alias='evaluateEverySteps')] = 50
    stop_at_step: Annotated[int | None, Field(alias='stopAtStep')] = None
    stall_seconds: Annotated[float | None, Field(alias='stallSeconds')] = None


class TryBatchResult(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    kind: Literal['try_batch'] = 'try_batch'
    batch: TriedBatch


class WorkerPlace(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    rank: int
    node_id: Annotated[str, Field(alias='nodeId')]
    pid: int
    device: str


class DesiredAttempt(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    job_id: Annotated[str, Field(alias='jobId')]
    run_id: Annotated[str, Field(alias='runId')]
    attempt_id: Annotated[str, Field(alias='attemptId')]
    kind: Literal[
        'inspect_model',
        'inspect_dataset',
        'try_batch',
        'evaluate',
        'compress',
        'train',
        'script',
    ]
    token: str
    resources: Resources
    reserve: int


class DesiredNode(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    node_id: Annotated[str, Field(alias='nodeId')]
    wish: Literal['cordon', 'drain']
    reason: str


class DesiredPool(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    name: str
    min: int
    max: int
    idle_seconds: Annotated[float, Field(alias='idleSeconds')]
    resources: dict[str, float]


class DesiredReplica(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    replica_id: Annotated[str, Field(alias='replicaId')]
    token: str
    model_name: Annotated[str, Field(alias='modelName')]
    version_number: Annotated[int, Field(alias='versionNumber')]
    digest: str
    cpus: float
    max_batch: Annotated[int, Field(alias='maxBatch')] = 32
    max_delay_ms: Annotated[float, Field(alias='maxDelayMs')] = 2
    max_queue: Annotated[int, Field(alias='maxQueue')] = 256


class EnrolRequest(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    token: str
    name: str


class Enrolled(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    cluster_id: Annotated[str, Field(alias='clusterId')]
    token: str


class Silence(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    ms: int
    message: str


class ObservedAck(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    seq: int
    revision: int
    dropped: int
    superseded: bool


class DepartedItem(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    node_id: Annotated[str, Field(alias='nodeId')]
    reason: Literal['idle', 'drained', 'lost']
    message: str


class PendingItem(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    pool: str
    count: int
    message: str


class FailedItem(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    pool: str
    count: int
    message: str
    retry_in_ms: Annotated[float | None, Field(alias='retryInMs')]


class Demand(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    shape: dict[str, float]
    count: int
    owner: str | None


class Bundle(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    shape: dict[str, float]
    count: int


class Group(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    id: str
    owner: str | None
    strategy: str
    bundles: list[Bundle]


class ObservedJob(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    job_id: Annotated[str, Field(alias='jobId')]
    attempt_id: Annotated[str, Field(alias='attemptId')]
    state: Literal['pending', 'running', 'succeeded', 'failed', 'stopped', 'lost']
    exit_code: Annotated[int | None, Field(alias='exitCode')]
    message: str


class ObservedNode(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    node_id: Annotated[str, Field(alias='nodeId')]
    pool: str
    address: str
    is_head: Annotated[bool, Field(alias='isHead')]
    state: Literal['active', 'idle', 'draining']
    cordoned: bool
    cpus: float
    cpus_used: Annotated[float, Field(alias='cpusUsed')]
    gpus: float
    gpus_used: Annotated[float, Field(alias='gpusUsed')]
    gpu_model: Annotated[str | None, Field(alias='gpuModel')]
    gpu_memory_bytes: Annotated[float | None, Field(alias='gpuMemoryBytes')]
    memory_bytes: Annotated[float, Field(alias='memoryBytes')]
    disk_bytes: Annotated[float | None, Field(alias='diskBytes')]
    labels: dict[str, str]


class ObservedService(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    kind: Literal['session', 'replica']
    id: str
    state: Literal['starting', 'ready', 'failed', 'stopped']
    address: str | None
    node_id: Annotated[str | None, Field(alias='nodeId')]
    pid: int | None
    message: str


class Gpus(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    node: list[int]
    index: list[int]
    percent: list[float | None]
    memory_bytes: Annotated[list[float | None], Field(alias='memoryBytes')]
    celsius: list[float | None]
    watts: list[float | None]


class Readings(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    node_ids: Annotated[list[str], Field(alias='nodeIds')]
    cpu_percent: Annotated[list[float | None], Field(alias='cpuPercent')]
    memory_bytes: Annotated[list[float | None], Field(alias='memoryBytes')]
    disk_bytes: Annotated[list[float | None], Field(alias='diskBytes')]
    received_bytes_per_second: Annotated[
        list[float | None], Field(alias='receivedBytesPerSecond')
    ]
    sent_bytes_per_second: Annotated[
        list[float | None], Field(alias='sentBytesPerSecond')
    ]
    heartbeat_age_ms: Annotated[list[float | None], Field(alias='heartbeatAgeMs')]
    gpus: Gpus


class DatasetRef(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    dataset_id: Annotated[str, Field(alias='datasetId')]
    name: str
    files: list[DatasetFile]
    split: Split
    transform: Transform
    task: Literal[
        'classification', 'multilabel', 'regression', 'tokens', 'unlabelled'
    ] = 'classification'


class DatasetReport(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    n: int
    train: int
    test: int
    shape: list[int]
    dtype: str
    task: Literal[
        'classification', 'multilabel', 'regression', 'tokens', 'unlabelled'
    ] = 'classification'
    label_shape: Annotated[list[int], Field(alias='labelShape')] = []
    classes: list[ClassBalance]
    values: Annotated[list[ValueBalance], Field(validate_default=True)] = []
    slices: Annotated[list[SliceBalance], Field(validate_default=True)] = []
    transform: Transform
    problems: list[Refusal]
    previews: list[SamplePreview]
    rows: Annotated[list[SampleRow], Field(validate_default=True)] = []
    leakage: Leakage | None = None
    table: TableReport | None = None
    labels: list[str] = []
    split: Split | None = None
    prepared: Annotated[list[DatasetFile], Field(validate_default=True)] = []


class EvaluationResult(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    n: int
    task: Literal[
        'classification', 'multilabel', 'regression', 'tokens', 'unlabelled'
    ] = 'classification'
    correct: int | None
    accuracy: float
    half_width: Annotated[float, Field(alias='halfWidth')]
    figures: Annotated[list[Figure], Field(validate_default=True)] = []
    per_class: Annotated[list[PerClassItem], Field(alias='perClass')]
    per_slice: Annotated[
        list[SliceResult], Field(alias='perSlice', validate_default=True)
    ] = []
    predictions: str
    correctness: str | None = None
    scores: str | None = None
    paired: PairedDifference | None
    baseline_accuracy: Annotated[float | None, Field(alias='baselineAccuracy')]
    latency: list[Latency]
    layer_times: Annotated[LayerTimes | None, Field(alias='layerTimes')] = None
    memory: Annotated[list[PeakMemory], Field(validate_default=True)] = []


class Graph(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    nodes: list[GraphNode]
    total: int


class TestInference(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    ms: float
    outputs: list[TensorSpec]


class Layer(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    name: str
    op: str
    shape: list[int]
    parameters: int
    bytes: int
    macs: int | None = None
    weights: WeightHistogram | None = None


class Merge(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    partner: int
    method: Literal['soup', 'slerp', 'arithmetic', 'ties']
    weight: float
    density: float = 0.2
    scale: float = 1
    parents: MergeParents | None = None


class Recipe(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    channels: float = 0
    sparsity: float = 0
    pattern: Literal['none', '2:4'] = 'none'
    precision: Literal['fp32', 'fp16', 'int8', 'int8_dynamic', 'int4'] = 'fp32'
    calibration: Literal['minmax', 'entropy', 'percentile'] = 'minmax'
    calibration_samples: Annotated[int, Field(alias='calibrationSamples')] = 512
    keep_float: Annotated[list[str], Field(alias='keepFloat')] = []
    allocation: Literal['magnitude', 'uniform', 'sensitivity'] = 'magnitude'
    layers: dict[str, float] = {}
    recovery: float = 0
    merge: Merge | None = None
    calibration_seed: Annotated[int, Field(alias='calibrationSeed')] = 0
    round_to: Annotated[int, Field(alias='roundTo')] = 16


class Settings(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    channels: float = 0
    sparsity: float = 0
    pattern: Literal['none', '2:4'] = 'none'
    precision: Literal['fp32', 'fp16', 'int8', 'int8_dynamic', 'int4'] = 'fp32'
    calibration: Literal['minmax', 'entropy', 'percentile'] = 'minmax'
    calibration_samples: Annotated[int, Field(alias='calibrationSamples')] = 512
    keep_float: Annotated[list[str], Field(alias='keepFloat')] = []
    allocation: Literal['magnitude', 'uniform', 'sensitivity'] = 'magnitude'
    layers: dict[str, float] = {}
    recovery: float = 0
    merge: Merge | None = None


class EvaluateRequest(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    rev: int
    settings: Settings


class Sensitivity(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    done: int
    total: int
    layers: list[SensitivityCurve]


class SolveRequest(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    rev: int
    target: Target1 | Target2 | Target3
    settings: Settings


class StudioBaseline(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    session_id: Annotated[str, Field(alias='sessionId')]
    n: int
    task: Literal[
        'classification', 'multilabel', 'regression', 'tokens', 'unlabelled'
    ] = 'classification'
    accuracy: float
    half_width: Annotated[float, Field(alias='halfWidth')]
    figures: Annotated[list[Figure], Field(validate_default=True)] = []
    sizes: Sizes
    macs: int
    parameters: int
    latency: list[Latency]
    layers: list[LayerChange]
    channel_stops: Annotated[list[float], Field(alias='channelStops')]
    units: list[Literal['channels', 'heads', 'neurons']] = ['channels']
    unavailable: list[UnavailableItem]
    pattern_unfit: Annotated[list[str], Field(alias='patternUnfit')] = []
    preview: Preview
    sensitivity: Sensitivity


class StudioSettled(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    type: Literal['settled'] = 'settled'
    rev: int
    elapsed_ms: Annotated[float, Field(alias='elapsedMs')]
    settings: Settings


class StudioTried(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    type: Literal['tried'] = 'tried'
    rev: int
    elapsed_ms: Annotated[float, Field(alias='elapsedMs')]
    settings: Settings
    holds: bool
    n: int
    difference: float | None
    low: float | None
    high: float | None
    sizes: Sizes
    latency_ms: Annotated[float | None, Field(alias='latencyMs')]


class CompressSpec(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    kind: Literal['compress'] = 'compress'
    parent: str
    parent_float: Annotated[str, Field(alias='parentFloat')]
    recipe: Recipe
    dataset: DatasetRef


class EvaluateResult(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    kind: Literal['evaluate'] = 'evaluate'
    evaluation: EvaluationResult
    baseline: EvaluationResult | None


class EvaluateSpec(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    kind: Literal['evaluate'] = 'evaluate'
    candidate: str
    baseline: str | None
    dataset: DatasetRef
    latency_rounds: Annotated[int, Field(alias='latencyRounds')] = 60


class InspectDatasetResult(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    kind: Literal['inspect_dataset'] = 'inspect_dataset'
    report: DatasetReport | None
    refusal: Refusal | None
    batch: TriedBatch | None = None


class ScriptSpec(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    kind: Literal['script'] = 'script'
    code: str
    filename: str
    entry: str
    requirements: str | None = None
    args: list[str] = []
    env: dict[str, str] = {}
    dataset: DatasetRef | None = None
    stall_seconds: Annotated[float, Field(alias='stallSeconds')] = 1800


class StateReport(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    state: Literal['starting', 'running']
    workers: list[WorkerPlace]


class TrainSpec(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    kind: Literal['train'] = 'train'
    init: InitVersion | InitArchitecture
    teacher: Teacher | None
    keep_masks: Annotated[bool, Field(alias='keepMasks')]
    precision: Literal['fp32', 'fp16', 'int8', 'int8_dynamic', 'int4']
    recipe: Recipe | None
    baseline: str | None
    dataset: DatasetRef
    hyper: TrainHyper
    backend: Literal['gloo', 'nccl'] | None = None


class TryBatchSpec(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    kind: Literal['try_batch'] = 'try_batch'
    model: str
    dataset: DatasetRef


class DesiredSession(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    session_id: Annotated[str, Field(alias='sessionId')]
    token: str
    model: str
    float_model: Annotated[str, Field(alias='floatModel')]
    dataset: DatasetRef
    cpus: float


class DesiredState(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    cluster_id: Annotated[str, Field(alias='clusterId')]
    revision: int
    attempts: list[DesiredAttempt]
    sessions: list[DesiredSession]
    replicas: list[DesiredReplica]
    pools: list[DesiredPool]
    nodes: list[DesiredNode]


class ObservedCluster(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    nodes: list[ObservedNode]
    departed: list[DepartedItem]
    pending: list[PendingItem]
    failed: list[FailedItem]
    follows_pools: Annotated[bool, Field(alias='followsPools')] = True
    demands: list[Demand]
    groups: list[Group]


class Inspection(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    ir_version: Annotated[int, Field(alias='irVersion')]
    opset: int
    producer: str
    inputs: list[TensorSpec]
    outputs: list[TensorSpec]
    parameters: int
    ops: list[Op]
    layers: list[Layer]
    test_inference: Annotated[TestInference, Field(alias='testInference')]
    tier: Literal[1, 2, 3, 4]
    tier_reasons: Annotated[list[str], Field(alias='tierReasons')]
    tier_node: Annotated[str | None, Field(alias='tierNode')] = None
    parity: float | None
    sizes: Sizes
    macs: int
    isolation: str
    graph: Graph | None = None


class StudioPartial(
    RootModel[
        StudioWork
        | StudioTried
        | StudioSettled
        | StudioBuilt
        | StudioAccuracy
        | StudioLatency
        | StudioSizes
        | StudioChanged
        | StudioDone
        | StudioSuperseded
        | StudioFailed
    ]
):
    root: (
        StudioWork
        | StudioTried
        | StudioSettled
        | StudioBuilt
        | StudioAccuracy
        | StudioLatency
        | StudioSizes
        | StudioChanged
        | StudioDone
        | StudioSuperseded
        | StudioFailed
    )


class InspectModelResult(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    kind: Literal['inspect_model'] = 'inspect_model'
    inspection: Inspection | None
    refusal: Refusal | None


class VersionArtifacts(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    model: Artifact
    float: Artifact
    inspection: Inspection
    sizes: Sizes
    evaluation: EvaluationResult


class Observation(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    incarnation: str
    seq: int
    applied_revision: Annotated[int, Field(alias='appliedRevision')]
    silence: Silence
    jobs: list[ObservedJob] | None = None
    services: list[ObservedService] | None = None
    cluster: ObservedCluster | None = None
    readings: Readings | None = None


class AttemptSpec(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    team_id: Annotated[str, Field(alias='teamId')]
    run_id: Annotated[str, Field(alias='runId')]
    attempt_id: Annotated[str, Field(alias='attemptId')]
    attempt: int
    max_attempts: Annotated[int, Field(alias='maxAttempts')]
    resources: Resources
    spec: (
        InspectModelSpec
        | InspectDatasetSpec
        | TryBatchSpec
        | EvaluateSpec
        | CompressSpec
        | TrainSpec
        | ScriptSpec
    )
    checkpoint: CheckpointRef | None
    micro_batch: Annotated[int | None, Field(alias='microBatch')] = None


class CompressResult(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    kind: Literal['compress'] = 'compress'
    artifacts: VersionArtifacts
    achieved: AchievedRatio
    layers: list[LayerChange]
    recipe_digest: Annotated[str, Field(alias='recipeDigest')]


class TrainResult(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    kind: Literal['train'] = 'train'
    artifacts: VersionArtifacts
    steps: int
    seconds: float
    environment: dict[str, str]


class ResultReport(BaseModel):
    model_config = ConfigDict(
        extra='forbid',
        populate_by_name=True,
    )
    result: (
        InspectModelResult
        | InspectDatasetResult
        | TryBatchResult
        | EvaluateResult
        | CompressResult
        | TrainResult
        | ScriptResult
    )
