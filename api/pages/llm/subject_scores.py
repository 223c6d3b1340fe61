"""The score whose average a list of sessions, or of users, shows: the address names it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from api.pages.llm.wanted import Wanted
from api.parameters import Values, invalid
from clickhouse.client import Warehouse
from clickhouse.llm.subject_scores import Average, average_scores, score_names
from clickhouse.llm.subjects import Subject

SCORE = "score"
MOST_CHARS = 512


class ScoreColumn(NamedTuple):
    """What a list shows of scores."""

    name: str | None
    """`None` shows none."""
    names: Sequence[str]
    """To choose from."""
    averages: Mapping[Any, Average] = {}


def score_in(values: Values) -> str | None:
    """Returns the name in an address. Raises `InvalidParameters`."""
    name = values.get(SCORE) or None
    if name is not None and len(name) > MOST_CHARS:
        raise invalid(SCORE, f"Expected {MOST_CHARS} characters at most")
    return name


async def averages_of(
    store: Warehouse, wanted: Wanted, of: Subject, keys: Sequence[Any], score: str | None
) -> Mapping[Any, Average]:
    """Returns the averages of some lines of a list; none where no score is chosen."""
    if score is None:
        return {}
    return await average_scores(store, wanted.project, wanted.filter, of, keys=keys, score=score)


async def score_column(
    store: Warehouse, wanted: Wanted, of: Subject, *, keys: Sequence[Any], score: str | None
) -> ScoreColumn:
    """Returns the column of a page of a list."""
    names = await score_names(store, wanted.project, wanted.range.first_us)
    return ScoreColumn(score, names, await averages_of(store, wanted, of, keys, score))
