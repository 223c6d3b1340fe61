"""Scores: what somebody or something thinks of a call, a span, a session or a user.

The rules are those of docs/scores.md, "Fields". Types and bounds are in the shapes; what no type
can say is in `checked`.
"""

import re
from typing import Annotated, Any, Literal

from msgspec import Meta, Raw, Struct

from schemas.issues import RuleBroken
from schemas.llm.wire import ABSENT
from schemas.times import parse_timestamp_us

OWN_IDS = "annotation."
"""How the ids of what people say in annotation queues begin: nobody else writes such."""
NAME_PATTERN = r"^[A-Za-z0-9](?:[A-Za-z0-9 _.:/-]{0,198}[A-Za-z0-9_.:/-])?\Z"
NAME_RULE = (
    "1 to 200 of A-Z, a-z, 0-9, blank, _ . : / and -, beginning with no sign and without"
    " a blank at its end"
)
MAX_NAME_CHARS = 200
_UNNAMEABLE = re.compile(r"[^A-Za-z0-9 _.:/-]")
_SIGNS = " _.:/-"
ID_PATTERN = r"^[A-Za-z0-9_.:@=+~-]{1,200}\Z"
ID_RULE = "1 to 200 of A-Z, a-z, 0-9, _ . : @ = + ~ and -"
MAX_CATEGORY_CHARS = 500
MAX_TEXT_CHARS = 10_000
MOST_NUMBER = 1e100
"""Of such numbers all sums and differences are numbers too."""
MAX_METADATA_BYTES = 16 << 10
MAX_SCORES = 1_000
"""Of one request."""
MAX_PUBLIC_SCORES = 10
"""Of one request of a page."""
SHORT_SPAN_CHARS = 16
"""Of the id of a span of OpenTelemetry, which no two of one trace have."""

DataType = Literal["numeric", "categorical", "boolean", "text"]
Source = Literal["api", "eval", "annotation", "user", "otel"]
ScoreName = Annotated[str, Meta(pattern=NAME_PATTERN, description=NAME_RULE)]
ScoreId = Annotated[str, Meta(pattern=ID_PATTERN, description=ID_RULE)]
TargetId = Annotated[str, Meta(min_length=1, max_length=200)]
Person = Annotated[str, Meta(min_length=1, max_length=512)]
Comment = Annotated[str, Meta(max_length=MAX_TEXT_CHARS)]
Environment = Annotated[str, Meta(max_length=256)]
Moment = Annotated[str, Meta(max_length=64)]
ScoreValue = bool | float | str


class ScoreItem(Struct, frozen=True, gc=False, kw_only=True):
    """One score as the log holds it, or, where it is `deleted`, that one is taken away."""

    id: ScoreId | None = None
    name: ScoreName | None = None
    value: ScoreValue | None = None
    data_type: DataType | None = None
    trace_id: TargetId | None = None
    span_id: TargetId | None = None
    session_id: TargetId | None = None
    user_id: Person | None = None
    comment: Comment | None = None
    metadata: Raw = ABSENT
    source: Source | None = None
    author: Person | None = None
    environment: Environment | None = None
    timestamp: Moment | None = None
    updated_at: Moment | None = None
    deleted: bool = False


class SentScore(Struct, frozen=True, gc=False, kw_only=True):
    """One score as its sender writes it."""

    name: ScoreName
    value: ScoreValue
    id: ScoreId | None = None
    data_type: DataType | None = None
    trace_id: TargetId | None = None
    span_id: TargetId | None = None
    session_id: TargetId | None = None
    user_id: Person | None = None
    comment: Comment | None = None
    metadata: Raw = ABSENT
    source: Literal["api", "eval", "annotation"] | None = None
    author: Person | None = None
    environment: Environment | None = None
    timestamp: Moment | None = None
    updated_at: Moment | None = None


class PublicScore(Struct, frozen=True, gc=False, kw_only=True):
    """One score as a page sends it with a public key: of what the page knows the id of."""

    name: ScoreName
    value: ScoreValue
    id: ScoreId | None = None
    data_type: Literal["numeric", "categorical", "boolean"] | None = None
    trace_id: TargetId | None = None
    span_id: TargetId | None = None
    session_id: TargetId | None = None
    comment: Annotated[str, Meta(max_length=2_000)] | None = None
    environment: Environment | None = None


class LangfuseScore(Struct, frozen=True, kw_only=True, rename="camel"):
    """One score as Langfuse's SDKs send it (https://api.reference.langfuse.com, `score_create`)."""

    name: Annotated[str, Meta(min_length=1, max_length=1_000)]
    """Any: what no name of a score may hold becomes `_`."""
    value: float | str
    id: ScoreId | None = None
    trace_id: TargetId | None = None
    observation_id: TargetId | None = None
    session_id: TargetId | None = None
    comment: Comment | None = None
    data_type: Literal["NUMERIC", "CATEGORICAL", "BOOLEAN", "TEXT"] | None = None
    environment: Environment | None = None
    metadata: Raw = ABSENT
    config_id: TargetId | None = None
    timestamp: Moment | None = None
    dataset_run_id: TargetId | None = None


class LangfuseEvent(Struct, frozen=True, kw_only=True):
    """One event of a batch as Langfuse's SDKs send it."""

    id: str
    type: Literal["score-create"]
    timestamp: Moment
    body: dict[str, Any]
    """As `POST /api/public/scores` takes it."""


class LangfuseBatch(Struct, frozen=True, kw_only=True):
    """A batch as Langfuse's SDKs send it."""

    batch: list[LangfuseEvent]


class Worth(Struct, frozen=True):
    """What a score says: a number, words, or both of what is true or false."""

    data_type: DataType
    value: float | None
    text: str


def score_name_of(text: str) -> str:
    """Returns the name of a score that comes with any; empty where nothing of it can be one."""
    return _UNNAMEABLE.sub("_", text).lstrip(_SIGNS)[:MAX_NAME_CHARS].rstrip()


def worth_of(value: ScoreValue, data_type: DataType | None) -> Worth:
    """Returns what a value means. Raises `RuleBroken`, which names the rule."""
    kind: DataType = data_type or _natural(value)
    if kind == "boolean":
        if isinstance(value, str) or value not in (0, 1):
            raise RuleBroken("Expected true, false, 0 or 1, as data_type is boolean", "value")
        return Worth(kind, float(value), "true" if value else "false")
    if kind == "numeric":
        if isinstance(value, (str, bool)):
            raise RuleBroken("Expected a number; words need data_type categorical or text", "value")
        if not -MOST_NUMBER <= value <= MOST_NUMBER:
            raise RuleBroken("Expected a number from -1e100 to 1e100", "value")
        return Worth(kind, value, "")
    most = MAX_CATEGORY_CHARS if kind == "categorical" else MAX_TEXT_CHARS
    if not isinstance(value, str):
        raise RuleBroken(f"Expected a text, as data_type is {kind}", "value")
    if not 1 <= len(value) <= most:
        way_out = "; longer ones need data_type text" if kind == "categorical" else ""
        raise RuleBroken(f"Expected 1 to {most} characters{way_out}", "value")
    return Worth(kind, None, value)


def check_score(score: SentScore | PublicScore) -> None:
    """Raises `RuleBroken` for what breaks a rule that the shape does not state."""
    worth_of(score.value, score.data_type)
    user = score.user_id if isinstance(score, SentScore) else None
    if not (score.trace_id or score.span_id or score.session_id or user):
        rule = "Expected what the score is about: trace_id, span_id, session_id"
        raise RuleBroken(rule if isinstance(score, PublicScore) else f"{rule} or user_id")
    if score.span_id and not score.trace_id and len(score.span_id) <= SHORT_SPAN_CHARS:
        raise RuleBroken(
            "Expected trace_id too: another trace may have a span of this id", "span_id"
        )
    if isinstance(score, SentScore):
        _check_moment(score.timestamp, "timestamp")
        _check_moment(score.updated_at, "updated_at")
        _check_metadata(score.metadata)


def check_senders_id(score_id: str | None) -> None:
    """Raises `RuleBroken` for the id of what a reviewer says: no key speaks for a person."""
    if score_id is not None and score_id.startswith(OWN_IDS):
        raise RuleBroken(f"Ids that begin with {OWN_IDS} are those of annotation queues", "id")


def _natural(value: ScoreValue) -> DataType:
    if isinstance(value, bool):
        return "boolean"
    return "categorical" if isinstance(value, str) else "numeric"


def _check_moment(text: str | None, field: str) -> None:
    if text is None:
        return
    try:
        parse_timestamp_us(text)
    except ValueError as error:
        raise RuleBroken(str(error), field) from error


def _check_metadata(value: Raw) -> None:
    if value is ABSENT:
        return
    view = memoryview(value)
    # Within valid JSON only `null` begins with n.
    if view[0] not in b"{n":
        raise RuleBroken("Expected `object`", "metadata")
    if view.nbytes > MAX_METADATA_BYTES:
        raise RuleBroken(f"Expected at most {MAX_METADATA_BYTES} bytes", "metadata")
