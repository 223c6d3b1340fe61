"""Judges: who scores calls inside Sluice, by which rule, which calls, and within which limits."""

from decimal import Decimal
from typing import Any, Literal, NamedTuple

import xxhash
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from schemas.llm.wire import Status
from schemas.projects import ProjectId

ENVIRONMENT = "sluice-judge"
"""Of the calls that judges make themselves: no judge ever judges those."""
DATASET, RUN, ITEM, VERSION, EXPECTED = (
    f"experiment.{name}" for name in ("dataset", "run", "item", "version", "expected")
)
"""What the metadata of a call say of the experiment that it belongs to."""
Part = Literal["output", "input"]
MOST_QUEUED = 100_000
"""Calls that wait for one judge: some 6 MB of the control plane. Those beyond are counted."""


class RegexRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="regex"):
    """Whether a pattern of RE2 is found."""

    pattern: str
    part: Part = "output"
    negate: bool = False
    """Whether it is good when the pattern is not found."""


class ContainsRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="contains"):
    """Whether the output holds what is expected, whatever its capitals and blanks."""

    expected: str | None = None
    """Of every call; `None`: what the call's item of a dataset expects."""


class EqualsRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="equals"):
    """Whether the output is what is expected, whatever its capitals and blanks."""

    expected: str | None = None


class SimilarityRule(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="similarity"
):
    """How like what is expected the output is, from 0 to 1."""

    expected: str | None = None


class SchemaRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="json_schema"):
    """Whether the output is JSON that fits a schema (JSON Schema, draft 2020-12)."""

    schema: dict[str, Any]


class CostRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="max_cost"):
    """Whether the call cost at most so much."""

    usd: Decimal


class LatencyRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="max_latency"):
    """Whether the call took at most so long."""

    ms: float


class ModelRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="model"):
    """What a model says of the call, asked at the address that the operator names."""

    model: str
    prompt: str
    """`{input}`, `{output}` and `{expected}` stand for what the call has of each."""
    gives: Literal["number", "boolean", "category"] = "number"
    minimum: float = 0.0
    maximum: float = 1.0
    """Of numbers, both included."""
    categories: tuple[str, ...] = ()
    max_calls_day: int = 1000
    max_usd_day: Decimal | None = None
    max_usd_month: Decimal | None = Decimal(10)


Rule = (
    RegexRule
    | ContainsRule
    | EqualsRule
    | SimilarityRule
    | SchemaRule
    | CostRule
    | LatencyRule
    | ModelRule
)


class JudgedCalls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which calls are judged: all fields that are given must match, as `GET /v1/traces` has it."""

    model: str | None = None
    provider: str | None = None
    environment: str | None = None
    user: str | None = None
    source: str | None = None
    service: str | None = None
    tag: str | None = None
    status: Status | None = None
    dataset: str | None = None
    run: str | None = None
    metadata: dict[str, str] = {}


class JudgeForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A judge as people write it."""

    name: str
    """Also of the scores that it gives."""
    rule: Rule
    calls: JudgedCalls = JudgedCalls()
    sampling: float = 1.0
    """Which part of them, from above 0 to 1: of all judges the same calls."""
    enabled: bool = True


class JudgeChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is changed of a judge: the fields of `JudgeForm` that are given."""

    name: str | UnsetType = UNSET
    rule: Rule | UnsetType = UNSET
    calls: JudgedCalls | UnsetType = UNSET
    sampling: float | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET

    def of(self, form: JudgeForm) -> JudgeForm:
        """Returns a form that is changed so."""
        given = {name: getattr(self, name) for name in self.__struct_fields__}
        return replace(form, **{name: one for name, one in given.items() if one is not UNSET})


class Judge(JudgeForm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A judge as it is kept."""

    id: str
    project_id: ProjectId
    revision: int
    """Goes up when what it says may change: its scores have other ids then."""
    created_us: int

    @property
    def asks_model(self) -> bool:
        """Whether it costs money."""
        return isinstance(self.rule, ModelRule)


def share_of(trace_id: str) -> float:
    """Returns where a call stands between 0 and 1: a judge of 10 % judges those below 0.1."""
    return xxhash.xxh64_intdigest(trace_id.encode()) / 2**64


class CallRef(NamedTuple):
    """Where a stored call is."""

    trace_id: str
    at_us: int
    """When it began: the store finds it by that."""


class Verdict(Struct, frozen=True):
    """What a judge says of a call."""

    value: float | bool | str
    comment: str = ""


class NoVerdict(Struct, frozen=True):
    """Why a judge says nothing of a call."""

    reason: str
    is_failure: bool = True
    """Else the call has nothing that the judge could look at, as what was expected."""


class Counts(Struct, frozen=True):
    """What became of calls."""

    scored: int = 0
    skipped: int = 0
    """Had nothing to look at: no expected output, no known cost."""
    failed: int = 0
    dropped: int = 0
    """Came while too many were waiting."""
    model_calls: int = 0
    cost_pico: int = 0
    """Of the model's calls whose price is known."""
    unpriced: int = 0

    def plus(self, other: "Counts") -> "Counts":
        """Returns both together."""
        names = self.__struct_fields__
        return Counts(*(getattr(self, name) + getattr(other, name) for name in names))


class Figures(Struct, frozen=True):
    """How a judge fares."""

    today: Counts = Counts()
    """Since midnight UTC."""
    month: Counts = Counts()
    """Of this calendar month, UTC."""
    days30: Counts = Counts()
    queued: int = 0
    lag_us: int = 0
    """How long the call has been waiting that came first."""
    stopped: str = ""
    """Why it waits; empty where it does not."""
    error: str = ""
    """Why it failed last."""
    error_us: int | None = None
    failing_us: int | None = None
    """Since when all that it did has failed."""
    told_us: int | None = None
    """When people were told so."""


class Judged(Struct, frozen=True, kw_only=True):
    """What became of calls, in answers."""

    judged: int
    """How many were looked at: scored, skipped or failed."""
    scored: int
    skipped: int
    failed: int
    dropped: int
    model_calls: int
    cost_usd: float
    unpriced_calls: int


class JudgeAnswer(Struct, frozen=True, kw_only=True):
    """A judge with how it fares."""

    id: str
    name: str
    rule: Rule
    calls: JudgedCalls
    sampling: float
    enabled: bool
    revision: int
    created_at: str
    state: Literal["on", "off", "stopped"]
    stopped: str | None
    """Why it waits: a limit, a budget, a model that does not answer."""
    queued: int
    """Calls that are waiting for it."""
    lag_s: float
    """How long the first of them has been waiting."""
    last_error: str | None
    last_error_at: str | None
    failing_since: str | None
    """Since when all that it did has failed."""
    told_at: str | None
    """When people were told so; null once they are told that it works again."""
    today: Judged
    month: Judged
    last_30_days: Judged


class JudgeList(Struct, frozen=True, kw_only=True):
    """The judges of a project."""

    judges: list[JudgeAnswer]
    models: list[str]
    """Those that a judge may ask; empty where the operator names none."""


class TryForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which call a judge is to be tried on."""

    trace_id: str


class TryAnswer(Struct, frozen=True, kw_only=True):
    """What a judge would say of a call. Nothing is scored."""

    matches: bool
    """Whether it is a call that the judge judges, sampling aside."""
    value: float | bool | str | None
    comment: str
    reason: str | None
    """Why it says nothing."""


class PastForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which past calls a judge is to judge."""

    date_from: str
    date_to: str
    limit: int = 10_000
    """How many are looked at, the newest first; the judge's sampling leaves some of them out."""


class PastAnswer(Struct, frozen=True, kw_only=True):
    """How many past calls the judge judges now."""

    queued: int
    is_cut: bool
    """Whether there are more than were looked at: the oldest are left out."""


JUDGE = {
    "name": "is_json",
    "rule": {"type": "json_schema", "schema": {"type": "object", "required": ["answer"]}},
    "calls": {"model": "gpt-4o", "environment": "production"},
    "sampling": 0.1,
}
CHANGE = {"sampling": 0.5, "enabled": False}
TRY = {"trace_id": "5150a94d-0001-4000-8000-000000000001"}
PAST = {"date_from": "2026-11-01", "date_to": "2026-11-30", "limit": 1000}
