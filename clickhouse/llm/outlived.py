"""What answers over calls say of a time whose rows may be gone: `clickhouse.queries.outlived`."""

from collections.abc import Iterable

from clickhouse.llm import rollups
from clickhouse.llm.rollups import Scope
from clickhouse.queries.outlived import note_of
from schemas.sums import SumsOnly


def note_of_scopes(scopes: Iterable[Scope], *, of: str) -> SumsOnly | None:
    """Returns the note of statements over one range; `of` is what they answer."""
    scopes = tuple(scopes)
    partial = {of for one in scopes if reads_rows(one)}
    partial |= {"latency" for one in scopes if one.table != "hourly"}
    return note_of(scopes[0].project, *rollups.range_of(scopes[0]), partial=tuple(partial))


def reads_rows(scoped: Scope) -> bool:
    """Tells whether sums are of rows: of what no rollup knows, or knows on some days alone."""
    return scoped.table == "base" or (scoped.kept is not None and bool(scoped.kept.path))


def joined(one: SumsOnly | None, other: SumsOnly | None) -> SumsOnly | None:
    """Returns what both notes say."""
    if one is None or other is None:
        return one or other
    partial = sorted({*one.partial, *other.partial})
    return SumsOnly(one.rows_from, one.counted_from, one.counted_to, partial)
