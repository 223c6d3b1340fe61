"""What the store has of one person: which columns name people, what of a row is theirs, and what
stays of it when they are erased.

`PERSONAL` is the one list of it. A table that gets a column about people gets a line here: export,
erasure and the counts of a search follow from it. Its order is that of erasing: rows that are
found through others come before these.

Rows are blanked, not deleted: counts, costs and times of a project stay what they were, in the rows
and in the rollups alike, and nobody is in them any more. What says that a call belongs to a run of
a dataset is deleted: it is a copy of its metadata.
"""

from collections.abc import Mapping

from msgspec import Struct

ERASED_NOTE = "erased: a person asked for it"
"""Among the problems of an event of which no more is left."""


class Parent(Struct, frozen=True):
    """Rows that are a person's because others are."""

    table: str
    key: str
    """The column that both have."""
    parents_key: str = ""
    """How the parents call it, where they do otherwise."""
    only_theirs: str = ""
    """A column of the parents: a key counts if no other person is named in it."""


class Personal(Struct, frozen=True, kw_only=True):
    """What is personal in one table."""

    kind: str
    """As people call its rows."""
    table: str
    id_column: str
    moment: str = "timestamp"
    """By this column rows are exported in order."""
    key: str = ""
    """What rows are erased by; empty is the id. Mutations stay on disk: they name no person."""
    names: tuple[str, ...] = ()
    """Columns that hold who it is."""
    body: str = ""
    """A column of JSON whose `user` is looked into."""
    tags: tuple[str, ...] = ()
    """Keys of the column `tags` that hold who it is."""
    hashed: str = ""
    """A column that holds a hash of who it is."""
    texts: tuple[str, ...] = ()
    """Columns of text that may say who it is, of an id of `LEAST_CHARS` or more."""
    parents: tuple[Parent, ...] = ()
    erased: Mapping[str, str]
    """What the columns become; empty: such rows are deleted, since their names are their place."""
    exported: tuple[str, ...]
    """What a person is given of a row."""
    json: frozenset[str] = frozenset()
    """Which of these hold JSON."""


LEFT_OF_ERROR = """concat(
    '{"eventId":', toJSONString(event_id),
    ',"timestampUs":', toString(toUnixTimestamp64Micro(timestamp)),
    ',"level":', toJSONString(toString(level)),
    ',"platform":', toJSONString(toString(platform)),
    ',"environment":', toJSONString(toString(environment)),
    ',"release":', toJSONString(toString(release)),
    ',"exceptions":[{"type":', toJSONString(type), '}],"problems":["NOTE"]}')"""
LEFT_OF_TRANSACTION = """concat(
    '{"eventId":', toJSONString(event_id),
    ',"startedUs":', toString(toUnixTimestamp64Micro(timestamp)),
    ',"durationNs":', toString(duration_ns),
    ',"name":', toJSONString(name),
    ',"op":', toJSONString(toString(op)),
    ',"status":', toJSONString(toString(status)),
    ',"platform":', toJSONString(toString(platform)),
    ',"environment":', toJSONString(toString(environment)),
    ',"release":', toJSONString(toString(release)),
    ',"problems":["NOTE"]}')"""
NO_TEXT, NO_TAGS = "''", "'{}'"
NOTHING = "nullIf(materialize(''), '')"
"""NULL with nothing under it: a NULL that is a constant leaves the text on disk, marked as none."""

LEAST_CHARS = 5
"""Shorter ids, as `12`, stand in texts that say nothing of anybody."""

PERSONAL = (
    Personal(
        kind="spans of transactions",
        table="transaction_spans",
        id_column="span_id",
        key="event_id",
        parents=(Parent("transactions", "event_id"),),
        erased={"description": NO_TEXT, "data": NO_TEXT},
        exported=("event_id", "span_id", "started", "op", "description", "data"),
        json=frozenset({"data"}),
    ),
    Personal(
        kind="streamed spans of transactions",
        table="streamed_spans",
        id_column="item_id",
        key="event_id",
        parents=(Parent("transactions", "event_id"),),
        erased={"trace_id": NO_TEXT, "description": NO_TEXT, "data": NO_TEXT},
        exported=("event_id", "span_id", "started", "op", "description", "data"),
        json=frozenset({"data"}),
    ),
    Personal(
        kind="transactions",
        table="transactions",
        id_column="event_id",
        names=("user_key",),
        body="body",
        # The name is in the rollups' key: it is the route, and stays.
        erased={
            "user_key": NO_TEXT,
            "server_name": NO_TEXT,
            "trace_id": NO_TEXT,
            "tags": NO_TAGS,
            "body": LEFT_OF_TRANSACTION.replace("NOTE", ERASED_NOTE),
        },
        exported=("event_id", "timestamp", "received_at", "name", "op", "status", "body"),
        json=frozenset({"body"}),
    ),
    Personal(
        kind="attachments",
        table="attachments",
        id_column="attachment_id",
        moment="received_at",
        parents=(Parent("errors", "event_id"), Parent("feedback", "event_id")),
        erased={
            "name": NO_TEXT,
            "picture": NO_TEXT,
            "size": "0",
            "sha256": NO_TEXT,
            "body": NO_TEXT,
        },
        exported=("attachment_id", "event_id", "received_at", "name", "content_type", "size"),
    ),
    Personal(
        kind="errors",
        table="errors",
        id_column="event_id",
        names=("user_key",),
        body="body",
        erased={
            "user_key": NO_TEXT,
            "title": "if(type = '', '[erased]', type)",
            "culprit": "if(culprit = transaction, '', culprit)",
            "transaction": NO_TEXT,
            "server_name": NO_TEXT,
            "trace_id": NO_TEXT,
            "span_id": NO_TEXT,
            "tags": NO_TAGS,
            "body": LEFT_OF_ERROR.replace("NOTE", ERASED_NOTE),
        },
        exported=("event_id", "timestamp", "received_at", "level", "type", "title", "body"),
        json=frozenset({"body"}),
    ),
    Personal(
        kind="feedback",
        table="feedback",
        id_column="event_id",
        names=("user_key", "email"),
        body="body",
        erased={
            **dict.fromkeys(("message", "name", "email", "url", "user_key", "trace_id"), NO_TEXT),
            "span_id": NO_TEXT,
            "tags": NO_TAGS,
            "body": NO_TAGS,
        },
        exported=(
            "event_id",
            "timestamp",
            "received_at",
            "message",
            "name",
            "email",
            "url",
            "body",
        ),
        json=frozenset({"body"}),
    ),
    Personal(
        kind="sessions",
        table="session_updates",
        id_column="update_id",
        moment="started",
        hashed="person",
        erased={"person": "0"},
        exported=("update_id", "started", "received_at", "status", "release", "environment"),
    ),
    Personal(
        kind="messages to models and from them",
        table="messages",
        id_column="item_id",
        key="hash",
        parents=(
            Parent("otel_spans", "item_id"),
            Parent("logs", "item_id", parents_key="record_id"),
        ),
        # What all are told by a system is nobody's.
        erased={"body": "if(role = 'system', body, '')"},
        exported=("item_id", "timestamp", "received_at", "role", "body"),
        json=frozenset({"body"}),
    ),
    Personal(
        kind="templates of prompts",
        table="prompt_templates",
        id_column="item_id",
        texts=("text",),
        erased={"text": NO_TEXT},
        exported=("item_id", "timestamp", "received_at", "prompt", "version", "text"),
    ),
    Personal(
        kind="calls of experiments",
        table="experiment_calls",
        id_column="trace_id",
        parents=(Parent("traces", "trace_id"),),
        erased={},
        # The metadata of the calls say the same.
        exported=(),
    ),
    Personal(
        kind="scores",
        table="scores",
        id_column="item_id",
        names=("user_id", "author"),
        # What is said of a call, a span, a trace or a session of theirs may repeat what they wrote.
        parents=(
            Parent("traces", "call_id", parents_key="trace_id"),
            Parent("traces", "session_id", only_theirs="user_id"),
            Parent("otel_spans", "call_id", parents_key="item_id"),
            Parent("otel_spans", "trace_id", only_theirs="user_id"),
            Parent("otel_spans", "session_id", only_theirs="user_id"),
            Parent("spans", "span_id"),
        ),
        erased={
            **dict.fromkeys(("user_id", "author", "comment", "metadata"), NO_TEXT),
            "text": "if(data_type = 'text', '', text)",
        },
        exported=(
            *("score_id", "timestamp", "received_at", "name", "value", "text", "comment"),
            *("metadata", "author", "trace_id", "session_id"),
        ),
        json=frozenset({"metadata"}),
    ),
    Personal(
        kind="agent spans",
        table="spans",
        id_column="span_id",
        tags=("userId", "user_id"),
        # A span names nobody by itself. The calls of its session do, or what it is told by.
        parents=(
            Parent("traces", "session_id", only_theirs="user_id"),
            Parent("otel_spans", "span_id", parents_key="item_id"),
            Parent("logs", "span_id", parents_key="record_id"),
        ),
        erased={
            "cwd": NOTHING,
            "tool_input": NO_TEXT,
            "tool_response": NO_TEXT,
            "error": NO_TEXT,
            "metadata": NO_TEXT,
            "tags": NO_TAGS,
        },
        exported=(
            *("span_id", "session_id", "timestamp", "received_at", "kind", "event_type"),
            *("tool_name", "cwd", "tool_input", "tool_response", "error", "metadata"),
        ),
        json=frozenset({"tool_input", "tool_response", "error", "metadata"}),
    ),
    Personal(
        kind="log records",
        table="logs",
        id_column="record_id",
        names=("user_key",),
        erased={
            **dict.fromkeys(("body", "user_key", "server_name", "trace_id", "span_id"), NO_TEXT),
            "attributes": NO_TAGS,
        },
        exported=("record_id", "timestamp", "received_at", "severity", "body", "attributes"),
    ),
    Personal(
        kind="spans of OpenTelemetry",
        table="otel_spans",
        id_column="item_id",
        names=("user_id",),
        erased={
            **dict.fromkeys(("user_id", "status_message", "events", "links", "host"), NO_TEXT),
            "attributes": NO_TAGS,
            "resource": NO_TAGS,
        },
        exported=(
            *("item_id", "timestamp", "received_at", "service", "name", "kind", "session_id"),
            *("attributes", "resource", "events"),
        ),
    ),
    Personal(
        kind="points of metrics",
        table="otel_points",
        id_column="item_id",
        # One metric counts many people, and one series whom its attributes name.
        key="series",
        names=("user_id",),
        erased={
            **dict.fromkeys(("user_id", "session_id"), NO_TEXT),
            "attributes": NO_TAGS,
            "exemplar_attributes": "[]",
        },
        exported=(
            *("item_id", "timestamp", "received_at", "name", "value", "count", "sum"),
            *("session_id", "attributes"),
        ),
    ),
    Personal(
        kind="changes of costs",
        table="cost_changes",
        id_column="item_id",
        names=("user_id",),
        erased={"user_id": NO_TEXT},
        exported=(),
    ),
    Personal(
        kind="changes of bills",
        table="bill_changes",
        id_column="item_id",
        names=("user_id",),
        erased={"user_id": NO_TEXT},
        exported=(),
    ),
    Personal(
        kind="LLM calls",
        table="traces",
        id_column="trace_id",
        names=("user_id",),
        erased={
            "user_id": NO_TEXT,
            "provider_request_id": NOTHING,
            "output_text": NOTHING,
            "request_body": NO_TEXT,
            "response_body": NO_TEXT,
            "error": NO_TEXT,
            "metadata": NO_TEXT,
            "tags": NO_TAGS,
        },
        exported=(
            *("trace_id", "session_id", "timestamp", "received_at", "provider"),
            *("model_requested", "model_used", "status", "input_tokens", "output_tokens"),
            *("request_body", "response_body", "output_text", "error", "metadata"),
        ),
        json=frozenset({"request_body", "response_body", "error", "metadata"}),
    ),
)
"""A line for each table. Tables that have no column `received_at` name no such moment: what they
hold came with rows that are named here."""
UNDATED = frozenset({"bill_changes", "cost_changes", "experiment_calls"})
