"""The prompts of calls that OpenTelemetry told: their templates beside the other rows."""

from collections.abc import Sequence

from processors.columns import Columns, SentChunk
from processors.llm.known_templates import KnownTemplates, Used
from processors.llm.prompts import FIRST_MESSAGES, ROLES
from schemas.kinds import PROMPT_TEMPLATES
from schemas.otel.meanings import Message
from schemas.otel.rows import ToldCall


def system_of(messages: Sequence[Message]) -> str:
    """Returns the text of the first message of the system, or of the developer."""
    for one in messages[:FIRST_MESSAGES]:
        if one.role in ROLES:
            return "\n".join(part.text for part in one.parts if part.text)
    return ""


def used_in(calls: Sequence[ToldCall | None], first: int, chunk: SentChunk) -> list[Used]:
    """Returns the calls that hold a template; `first` is the number of the first of them."""
    return [
        Used(first + number, chunk.project_id, chunk.received_at_us, one.trace)
        for number, one in enumerate(calls)
        if one is not None and one.trace.prompt_text
    ]


def with_templates(columns: Columns, used: Sequence[Used], known: KnownTemplates | None) -> Columns:
    """Returns the columns with those of the templates that are not known."""
    rows = (known or KnownTemplates()).rows(used)
    return columns._replace(tables={**columns.tables, PROMPT_TEMPLATES: rows})
