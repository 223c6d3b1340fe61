"""A request as ClickHouse's HTTP interface reads it: query, parameters, settings, formats."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from clickhouse.served.calls import Call
from clickhouse.served.codes import Code
from clickhouse.served.errors import refusal
from clickhouse.served.statements import Statement, StatementTooLong, read_statement

MAX_FIELDS = 10_000
DEFAULT_FORMAT = "TabSeparated"
FORMAT_NAME = re.compile(r"\w{1,64}", re.ASCII)
PARAMETER = "param_"
# What the transport itself takes, or what means nothing to an engine without a network or sessions.
NO_SETTINGS = frozenset(
    {
        "query", "database", "default_format", "user", "password", "quota_key", "role",
        "session_id", "session_timeout", "session_check", "query_id", "buffer_size", "stacktrace",
        "compress", "decompress", "wait_end_of_query", "client_protocol_version",
        "enable_http_compression", "http_zlib_compression_level", "send_progress_in_http_headers",
        "http_headers_progress_interval_ms", "cancel_http_readonly_queries_on_client_close",
        "http_make_head_request", "add_http_cors_header", "log_queries",
    }
)  # fmt: skip


class Ask(NamedTuple):
    """What stands in the head of a request."""

    method: str
    query: bytes
    parameters: Mapping[str, str]
    """All of the URL's, but the query."""
    headers: Mapping[str, str]

    @property
    def waits_for_end(self) -> bool:
        """Tells whether nothing may be sent before all is known."""
        return is_on(self.parameters.get("wait_end_of_query", "0"))


def read_ask(method: str, query_string: bytes, raw_headers: list[tuple[bytes, bytes]]) -> Ask:
    """Reads the head. Raises `EngineError`."""
    try:
        # Latin-1 gives each byte a character and back: a query may be no text at all.
        latin = parse_qsl(
            query_string.decode("latin-1"),
            keep_blank_values=True,
            encoding="latin-1",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as error:
        raise refusal(Code.BAD_ARGUMENTS, f"The URL cannot be read: {error}") from error
    fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in latin]
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw_headers
    }
    queries = [value for name, value in fields if name == b"query"]
    parameters = {_text(name): _text(value) for name, value in fields if name != b"query"}
    return Ask(method, b"".join(queries[:1]), parameters, headers)


def read_call(ask: Ask, body: bytes) -> Call:
    """Makes the call of a request, whose body is plain by now. Raises `EngineError`."""
    for name in ("compress", "decompress"):
        if is_on(ask.parameters.get(name, "0")):
            raise refusal(Code.NOT_IMPLEMENTED, f"{name}=1: use Content-Encoding.")
    form = ask.headers.get("x-clickhouse-format") or ask.parameters.get("default_format")
    form = form or DEFAULT_FORMAT
    if not FORMAT_NAME.fullmatch(form):
        raise refusal(Code.UNKNOWN_FORMAT, "Unknown format.")
    fields = ask.parameters
    return Call(
        statement=_statement_of(
            ask.query + b"\n" + body if ask.query and body else ask.query or body
        ),
        form=form,
        parameters={k.removeprefix(PARAMETER): v for k, v in fields.items() if _is_parameter(k)},
        settings={k: v for k, v in fields.items() if k not in NO_SETTINGS and not _is_parameter(k)},
        database=ask.headers.get("x-clickhouse-database") or fields.get("database", ""),
        revision=_revision_of(fields.get("client_protocol_version", "")),
    )


def is_on(value: str) -> bool:
    """Reads a switch as ClickHouse does."""
    return value.lower() in {"1", "true"}


def _statement_of(text: bytes) -> Statement:
    try:
        statement = read_statement(text)
    except StatementTooLong as error:
        raise refusal(Code.SYNTAX_ERROR, "Max query size exceeded.") from error
    if not text.strip():
        raise refusal(Code.SYNTAX_ERROR, "Syntax error: Empty query.")
    return statement


def _revision_of(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _is_parameter(name: str) -> bool:
    return name.startswith(PARAMETER)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
