"""Which log records: the SQL conditions, with values bound."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from clickhouse.attribute_filters import Attribute, with_attributes
from clickhouse.errors.trace_links import spellings as spellings_of_trace
from clickhouse.queries.conditions import Condition
from clickhouse.texts import WORD, words_of
from schemas.projects import ProjectContext

FROM = "timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')"
TO = "timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')"
COLUMNS: Mapping[str, str] = {
    "environment": "environment",
    "release": "release",
    "logger": "logger",
    "service": "service",
    "server": "server_name",
    "user": "user_key",
    "platform": "platform",
    "span": "span_id",
}
INDEXED = "lower(body)"


class Named(NamedTuple):
    """One condition: a name in `COLUMNS`, and the value that it has or, negated, has not."""

    name: str
    value: str
    is_negated: bool = False


class Text(NamedTuple):
    """A text that stands in the body, in capitals or not; or, negated, does not."""

    text: str
    is_negated: bool = False


class LogFilter(Struct, frozen=True, kw_only=True):
    """Which records. Bounds are inclusive, in microseconds since 1970 UTC."""

    from_us: int
    to_us: int
    least_severity: int = 0
    """From this number on; 0 is any, and those of unknown severity too."""
    most_severity: int | None = None
    trace_id: str | None = None
    named: tuple[Named, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    texts: tuple[Text, ...] = ()
    words: tuple[Text, ...] = ()
    """Whole words, by the index alone."""


def condition(project: ProjectContext, wanted: LogFilter) -> Condition:
    """Returns the condition that binds the project and everything `wanted` names."""
    parts = ["project_id = {project_id:String}", FROM, TO]
    values: dict[str, Any] = {
        "project_id": project.project_id,
        "from_us": wanted.from_us,
        "to_us": wanted.to_us,
    }
    if wanted.least_severity:
        parts.append("severity >= {least:UInt8}")
        values["least"] = wanted.least_severity
    if wanted.most_severity is not None:
        parts.append("severity <= {most:UInt8}")
        values["most"] = wanted.most_severity
    if wanted.trace_id is not None:
        parts.append("trace_id IN {trace_ids:Array(String)}")
        values["trace_ids"] = list(spellings_of_trace(wanted.trace_id))
    for number, one in enumerate(wanted.named):
        sign = "!=" if one.is_negated else "="
        parts.append(f"{COLUMNS[one.name]} {sign} {{named_{number}:String}}")
        values[f"named_{number}"] = one.value
    for one_of in with_attributes(wanted.attributes):
        parts.append(one_of.sql)
        values |= one_of.values
    _add_texts(wanted.texts, parts, values)
    _add_words(wanted.words, parts, values)
    return Condition("\n    AND ".join(parts), values)


def words_within(text: str) -> list[str]:
    """Returns the words that a body which holds this text holds whole, as the index has them.

    Those at either end may go on in the body.
    """
    told = text.encode(errors="replace")
    return [
        found[0].decode().lower()
        for found in WORD.finditer(told)
        if found.start() > 0 and found.end() < len(told) and found[0].isascii()
    ]


def _add_texts(texts: Sequence[Text], parts: list[str], values: dict[str, Any]) -> None:
    for number, one in enumerate(texts):
        sign = "=" if one.is_negated else ">"
        if not one.is_negated and (words := words_within(one.text)):
            parts.append(f"hasAllTokens({INDEXED}, {{within_{number}:Array(String)}})")
            values[f"within_{number}"] = words
        parts.append(f"positionCaseInsensitiveUTF8(body, {{text_{number}:String}}) {sign} 0")
        values[f"text_{number}"] = one.text


def _add_words(words: Sequence[Text], parts: list[str], values: dict[str, Any]) -> None:
    for number, one in enumerate(words):
        sign = "NOT " if one.is_negated else ""
        parts.append(f"{sign}hasAllTokens({INDEXED}, {{word_{number}:Array(String)}})")
        values[f"word_{number}"] = [word.lower() for word in words_of(one.text)]
