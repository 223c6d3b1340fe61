"""Annotation queues: what people are asked of calls, and what is told of it. Pure.

A *rule* is one score that is asked for: its name, its type, and which values it may have.
"""

import math
from typing import Annotated, Literal
from uuid import NAMESPACE_OID, uuid5

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from schemas.issues import RuleBroken
from schemas.llm.scores import MAX_CATEGORY_CHARS, MOST_NUMBER, OWN_IDS, ScoreName, TargetId

MAX_QUEUES = 50
"""Of a project."""
MAX_ITEMS = 10_000
"""Of a queue."""
MAX_ADDED = 1_000
"""In one request."""
MAX_RULES = 10
MAX_CATEGORIES = 20
MAX_REVIEWERS = 5
MAX_QUEUE_NAME_CHARS = 120
MAX_DESCRIPTION_CHARS = 500
MAX_INSTRUCTIONS_CHARS = 10_000
MOST_DIGITS = 9
"""Values that a key chooses: 1 to 9."""

RuleType = Literal["numeric", "categorical", "boolean"]
Value = bool | float | str


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One score that is asked for."""

    name: ScoreName
    type: RuleType
    min: float | None = None
    """Of numbers: the least one; `None` is any."""
    max: float | None = None
    categories: tuple[str, ...] = ()
    """Of words: those that may be chosen."""
    description: str = ""

    @property
    def choices(self) -> tuple[Value, ...]:
        """The values, where they are few enough to be chosen by a key; empty where not."""
        if self.type == "boolean":
            return (True, False)
        if self.type == "categorical":
            return self.categories
        if self.min is None or self.max is None or self.min % 1:
            return ()
        count = self.max - self.min + 1
        if count % 1 or count > MOST_DIGITS + 1:
            return ()
        return tuple(self.min + n for n in range(int(count)))


class QueueForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A queue as people write it."""

    name: str
    scores: tuple[Rule, ...]
    description: str = ""
    instructions: str = ""
    """What reviewers read beside each call."""
    reviewers: int = 1
    """How many people look at each item."""


class QueueChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is changed of a queue: the fields of `QueueForm` that are given."""

    name: str | UnsetType = UNSET
    scores: tuple[Rule, ...] | UnsetType = UNSET
    description: str | UnsetType = UNSET
    instructions: str | UnsetType = UNSET
    reviewers: int | UnsetType = UNSET

    def of(self, form: QueueForm) -> QueueForm:
        """Returns a form that is changed so."""
        given = {name: getattr(self, name) for name in self.__struct_fields__}
        return replace(form, **{name: one for name, one in given.items() if one is not UNSET})


class Queue(QueueForm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A queue as it is kept."""

    id: str
    created_us: int

    @property
    def form(self) -> QueueForm:
        """What was written of it."""
        return QueueForm(**{name: getattr(self, name) for name in QueueForm.__struct_fields__})


class SentTarget(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an item is about: a call or a trace, a span of it, or a session."""

    trace_id: TargetId | None = None
    span_id: TargetId | None = None
    session_id: TargetId | None = None


class SentItems(Struct, frozen=True, forbid_unknown_fields=True):
    """Items to add."""

    items: Annotated[list[SentTarget], Meta(min_length=1, max_length=MAX_ADDED)]


class Given(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person says of an item: a value for each score that they give."""

    values: dict[str, Value]
    comment: Annotated[str, Meta(max_length=10_000)] = ""


def checked_queue(form: QueueForm) -> QueueForm:
    """Returns a form with its texts trimmed. Raises `RuleBroken`, which names the field."""
    form = replace(form, name=form.name.strip(), description=form.description.strip())
    _in_chars("name", form.name, 1, MAX_QUEUE_NAME_CHARS)
    _in_chars("description", form.description, 0, MAX_DESCRIPTION_CHARS)
    _in_chars("instructions", form.instructions, 0, MAX_INSTRUCTIONS_CHARS)
    if not 1 <= form.reviewers <= MAX_REVIEWERS:
        raise RuleBroken(f"Expected 1 to {MAX_REVIEWERS}", "reviewers")
    if not 1 <= len(form.scores) <= MAX_RULES:
        raise RuleBroken(f"Expected 1 to {MAX_RULES} scores", "scores")
    names = [one.name for one in form.scores]
    if len(set(names)) < len(names):
        raise RuleBroken("Expected each name once", "scores")
    for one in form.scores:
        _check_rule(one)
    return form


def check_given(rules: tuple[Rule, ...], given: Given) -> None:
    """Raises `RuleBroken` for a value that its rule does not allow, and where there is none."""
    by_name = {one.name: one for one in rules}
    if not given.values:
        raise RuleBroken("Expected a value of at least one score", "values")
    for name, value in given.values.items():
        if name not in by_name:
            raise RuleBroken(f"Expected one of {', '.join(by_name)}", f"values.{name[:64]}")
        wrong = _why_not(by_name[name], value)
        if wrong:
            raise RuleBroken(wrong, f"values.{name}")


def _why_not(rule: Rule, value: Value) -> str:
    if rule.type == "boolean":
        return "" if isinstance(value, bool) else "Expected true or false"
    if rule.type == "categorical":
        fits = isinstance(value, str) and value in rule.categories
        return "" if fits else f"Expected one of {', '.join(rule.categories)}"
    if isinstance(value, (bool, str)):
        return "Expected a number"
    least = -MOST_NUMBER if rule.min is None else rule.min
    most = MOST_NUMBER if rule.max is None else rule.max
    return "" if least <= value <= most else f"Expected a number from {least:g} to {most:g}"


def _check_rule(rule: Rule) -> None:
    _in_chars("scores: a description", rule.description, 0, MAX_DESCRIPTION_CHARS)
    has_bounds = rule.min is not None or rule.max is not None
    if rule.type != "numeric" and has_bounds:
        raise RuleBroken("Only numeric scores have min and max", f"scores: {rule.name}")
    if rule.type != "categorical" and rule.categories:
        raise RuleBroken("Only categorical scores have categories", f"scores: {rule.name}")
    if rule.type == "categorical":
        _check_categories(rule)
    for bound in (rule.min, rule.max):
        if bound is not None and not (math.isfinite(bound) and abs(bound) <= MOST_NUMBER):
            raise RuleBroken("Expected numbers from -1e100 to 1e100", f"scores: {rule.name}")
    if rule.min is not None and rule.max is not None and rule.min >= rule.max:
        raise RuleBroken("Expected min to be less than max", f"scores: {rule.name}")


def _check_categories(rule: Rule) -> None:
    field = f"scores: {rule.name}"
    if not 2 <= len(rule.categories) <= MAX_CATEGORIES:
        raise RuleBroken(f"Expected 2 to {MAX_CATEGORIES} categories", field)
    if len(set(rule.categories)) < len(rule.categories):
        raise RuleBroken("Expected each category once", field)
    for one in rule.categories:
        _in_chars(f"{field}: a category", one, 1, MAX_CATEGORY_CHARS)
        if one != one.strip():
            raise RuleBroken("Expected categories without blanks around them", field)


def _in_chars(field: str, text: str, least: int, most: int) -> None:
    if not least <= len(text) <= most or "\0" in text:
        raise RuleBroken(f"Expected {least} to {most} characters", field)


def score_id_of(queue_id: str, item_id: str, name: str, user_id: str) -> str:
    """Returns which score it is that a person gives to an item: the same each time."""
    return f"{id_prefix(queue_id)}{item_id}.{_person_in_id(name, user_id)}"


def queue_of_score(score_id: str) -> str:
    """Returns of which queue a score is that people give; empty where the id is none of those."""
    return score_id.removeprefix(OWN_IDS).partition(".")[0] if score_id.startswith(OWN_IDS) else ""


def is_score_of(score_id: str, name: str, user_id: str) -> bool:
    """Tells whether a person gave the score of this name."""
    return score_id.endswith(f".{_person_in_id(name, user_id)}")


def id_prefix(queue_id: str) -> str:
    """Returns how the ids of a queue's scores begin."""
    return f"{OWN_IDS}{queue_id}."


def _person_in_id(name: str, user_id: str) -> str:
    return uuid5(NAMESPACE_OID, f"{name}\0{user_id}").hex


def sending_prefix(revision: int) -> str:
    """Returns how the name of a saving begins, from how often was saved before."""
    return f"{revision:08x}"
