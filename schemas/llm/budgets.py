"""Budgets: what a project, a user, a model, a key, ... may cost, and how it stands."""

from decimal import Decimal
from typing import Literal, NamedTuple

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from schemas.answers import Number
from schemas.llm.budget_windows import Window, WindowKind, window_at
from schemas.llm.forecasts import Method

Scope = Literal["project", "user", "model", "key", "environment", "metadata"]
Measure = Literal["cost", "tokens", "calls"]
State = Literal["ok", "warning", "exceeded", "unknown"]
USUAL_THRESHOLDS = (50, 80, 100)


class BudgetForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A budget as people write it."""

    name: str
    amount: Decimal
    """Dollars, tokens or calls, as `measure` says."""
    scope: Scope = "project"
    metadata_key: str = ""
    """Of the scope `metadata`."""
    value: str | None = None
    """Which user, model, environment or value, or the id of which key; `None`: each for itself."""
    measure: Measure = "cost"
    window: WindowKind = "month"
    hours: int = 24
    """How long a rolling window is."""
    time_zone: str = ""
    """Of a calendar window; empty for the project's."""
    thresholds: tuple[int, ...] = USUAL_THRESHOLDS
    """Percent of the amount, of each of which people are told once a window."""
    refuses: bool = True
    """Whether a check answers that a call is not allowed any more; else it only tells people."""
    enabled: bool = True
    anomaly_minimum: Decimal | None = None
    """From how much more than usual in an hour people are told of an anomaly; `None`: never."""
    channel_ids: tuple[str, ...] = ()


class BudgetChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is changed of a budget: the fields of `BudgetForm` that are given."""

    name: str | UnsetType = UNSET
    amount: Decimal | UnsetType = UNSET
    scope: Scope | UnsetType = UNSET
    metadata_key: str | UnsetType = UNSET
    value: str | None | UnsetType = UNSET
    measure: Measure | UnsetType = UNSET
    window: WindowKind | UnsetType = UNSET
    hours: int | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    thresholds: tuple[int, ...] | UnsetType = UNSET
    refuses: bool | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    anomaly_minimum: Decimal | None | UnsetType = UNSET
    channel_ids: tuple[str, ...] | UnsetType = UNSET

    def of(self, form: BudgetForm) -> BudgetForm:
        """Returns a form that is changed so."""
        given = {name: getattr(self, name) for name in self.__struct_fields__}
        return replace(form, **{name: one for name, one in given.items() if one is not UNSET})


class Budget(BudgetForm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A budget as it is kept."""

    id: str
    revision: int
    """Goes up when what it counts or allows is changed: then people are told anew."""
    created_us: int

    @property
    def is_of_each(self) -> bool:
        """Whether every user, model, ... has the amount for itself."""
        return self.scope != "project" and self.value is None

    def window_at(self, now_us: int) -> Window:
        """Returns the window of a moment."""
        return window_at(self.window, self.hours, self.time_zone, now_us)


class Spent(NamedTuple):
    """What calls have added up to."""

    cost: Decimal = Decimal(0)
    """In dollars, of the calls whose cost is known."""
    tokens: int = 0
    """Input and output."""
    calls: int = 0
    unpriced: int = 0
    """Calls whose cost is not known."""

    def by(self, measure: Measure) -> Decimal:
        """Returns it as a budget of this measure counts."""
        if measure == "cost":
            return self.cost
        return Decimal(self.tokens if measure == "tokens" else self.calls)


class Called(Struct, frozen=True, kw_only=True):
    """A call that a gateway is about to make, as far as it says what call it is."""

    user_id: str | None = None
    model: str | None = None
    environment: str | None = None
    api_key: str | None = None
    """The id of the key that it is sent with."""
    metadata: tuple[tuple[str, str], ...] = ()


class Standing(Struct, frozen=True, kw_only=True):
    """How one budget stands for one user, model, ... or for the whole project."""

    id: str
    name: str
    scope: Scope
    entity: str | None
    """Which user, model, environment or value, or the id of which key; null of a whole project."""
    measure: Measure
    amount: Number
    spent: Number | None
    """Null where it is not known: `state` is `unknown` then."""
    remaining: Number | None
    percent: Number | None
    unpriced_calls: int | None
    """Calls of the window whose cost is not known, and not in `spent`."""
    refuses: bool
    state: State
    window_start: str
    window_end: str | None
    """The first moment after it, when it is reset; null of a rolling window."""
    rows_from: str | None = None
    """Since when calls are there to be counted one by one, where the window begins before: `spent`
    is made of kept sums until then, and may lack up to a day at the begin of the window."""
    forecast: Number | None = None
    """Of what is spent at the end of the window. Null in checks, of a rolling window, and of one
    that has just begun."""
    forecast_method: Method | None = None


class CheckAnswer(Struct, frozen=True, kw_only=True):
    """Whether a call is within the budgets that it would count for."""

    allowed: bool
    budgets: list[Standing]
    as_of: str
    """When the spend was added up."""


class BudgetAnswer(Struct, frozen=True, kw_only=True):
    """A budget with how it stands."""

    id: str
    name: str
    amount: Number
    scope: Scope
    metadata_key: str
    value: str | None
    measure: Measure
    window: WindowKind
    hours: int | None
    time_zone: str | None
    thresholds: tuple[int, ...]
    refuses: bool
    enabled: bool
    anomaly_minimum: Number | None
    channel_ids: tuple[str, ...]
    created_at: str
    entities: int
    """How many users, models, ... have spent anything in the window, up to 50,000."""
    is_cut: bool
    """Whether there are more: those who spent least are left out then."""
    standing: list[Standing]
    """Those of which most is spent; empty of a budget that is off."""


class BudgetList(Struct, frozen=True, kw_only=True):
    """The budgets of a project."""

    budgets: list[BudgetAnswer]
    as_of: str


class BudgetAlert(Struct, frozen=True, kw_only=True):
    """A threshold that was reached, or an anomaly, of which people were told."""

    id: str
    budget_id: str
    budget: str
    kind: Literal["threshold", "anomaly"]
    entity: str | None
    threshold: int | None
    """In percent; null of an anomaly."""
    measure: Measure
    spent: Number
    amount: Number
    """Of the budget; of an anomaly what is usual at this hour."""
    window_start: str
    at: str


class BudgetAlerts(Struct, frozen=True, kw_only=True):
    """What people were told, the newest first."""

    alerts: list[BudgetAlert]


class AnomalyAnswer(Struct, frozen=True, kw_only=True):
    """An hour in which much more was spent than is usual in this hour of the week."""

    model: str | None
    """Null of all models together."""
    measure: Literal["cost", "tokens"]
    hour: str
    amount: Number
    usual: Number
    score: Number | None
    """How far from usual it is, against how far hours are; null where they never differed."""


class Anomalies(Struct, frozen=True, kw_only=True):
    """The anomalies of the last hours, the newest first."""

    anomalies: list[AnomalyAnswer]
    as_of: str


BUDGET = {
    "name": "Each user, a day",
    "amount": 5,
    "scope": "user",
    "window": "day",
    "time_zone": "Europe/Berlin",
}
CHANGE = {"amount": 7.5, "thresholds": [80, 100]}
