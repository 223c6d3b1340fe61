"""The registry: every system of Sluice, its topics, and its kinds of event.

What all kinds share is derived from here: topics and their agents, the words of outcomes and
metrics, duplicate look-ups, dead letters and their replay. How to add one: docs/add-a-kind.md.
"""

from msgspec import Struct


class Topic(Struct, frozen=True):
    """One named stream of records, of one system."""

    name: str
    number: int
    """Stands in the keys of every log for as long as the topic lives: never changed or reused."""
    meaning: str


class Table(Struct, frozen=True):
    """Where rows of a kind go; each has `project_id`, `received_at` and its place in the log."""

    name: str
    id_column: str
    """Where a row has the id of its item."""
    merged: bool = False
    """Whether rows that say the same become one, whichever item they came with: of an item of its
    own, nothing can be told here."""
    kept: tuple[str, ...] = ()
    """Columns that are worked out from more than the item, as a cost is from prices. When a block
    is stored again, they stay what its rows say."""
    key_column: str = ""
    """Where a row has the id of the key that its item came with; empty where it has none."""


class Kind(Struct, frozen=True):
    """One sort of event."""

    name: str
    """The word for one item in outcomes and metrics."""
    wire: str
    """The form of an item's bytes; it stands in every record. A new form is a new name."""
    topic: str
    tables: tuple[Table, ...]
    """The first has a row for each stored item: there an id is looked up, so it is written last."""
    id_field: str = ""
    """Where an item of JSON has its id; empty where the edge gives the id and the log keeps it."""
    title: str = ""
    """What people read for it; empty where the name itself is a word."""


class System(Struct, frozen=True):
    """One of the things that Sluice takes in; its sub-packages have its name."""

    name: str
    topics: tuple[Topic, ...]
    kinds: tuple[Kind, ...]


TRACES = Topic(
    "raw.traces",
    1,
    "Batches of LLM calls as their senders wrote them, keyed by (project, trace id).",
)
SPANS = Topic(
    "raw.spans",
    2,
    "Batches of agent events as their senders wrote them, keyed by (project, span id).",
)
# 3 and 4 are the topics that every system shares: `eventlog.topics`.

PRICED = ("computed_cost", "price_id")
CALLS = Table("traces", "trace_id", kept=PRICED, key_column="api_key")
PROMPT_TEMPLATES = "prompt_templates"
TEMPLATES = Table(PROMPT_TEMPLATES, "item_id", merged=True)
"""The texts of prompts: a row of those that a process has not stored today."""
TRACE = Kind("trace", "pulse.trace", TRACES.name, (CALLS, TEMPLATES), "trace_id")
SPAN = Kind(
    "span",
    "pulse.span",
    SPANS.name,
    (Table("spans", "span_id", kept=(*PRICED, "provider"), key_column="api_key"),),
    "span_id",
    title="agent span",
)

SCORES = Topic(
    "raw.scores",
    10,
    # Of their own: a flood of judgements stands before no call.
    "Batches of scores as their senders wrote them, keyed by (project, item id).",
)
SCORE = Kind(
    "score",
    "llm.score",
    SCORES.name,
    # One row for each time that a score was sent, so that an item is one change of a score.
    (Table("scores", "item_id"),),
)

ERRORS = Topic(
    "raw.errors",
    5,
    "Batches of errors and transactions as their senders wrote them, keyed by (project, event id).",
)
MAPPED = (*("fingerprint", "other_fingerprints", "grouping", "type", "title", "culprit", "body"),)
"""By source maps, which may come or go between two tries to store a block."""
ERROR = Kind("error", "errors.error", ERRORS.name, (Table("errors", "event_id", kept=MAPPED),))
TRANSACTION = Kind(
    "transaction",
    "errors.transaction",
    ERRORS.name,
    (Table("transactions", "event_id"), Table("transaction_spans", "event_id")),
)
STREAMED_SPAN = Kind(
    "streamed_span",
    "errors.streamed_span",
    ERRORS.name,
    # A span that comes by itself: those that come within a transaction are rows of that kind.
    (Table("streamed_spans", "item_id"),),
    title="streamed span",
)
LOGS = Topic(
    "raw.logs",
    6,
    # Of their own, because they are many: none stands before an error.
    "Batches of log records as their senders wrote them, keyed by (project, record id).",
)
LOG = Kind("log", "errors.log", LOGS.name, (Table("logs", "record_id"),), title="log record")
SESSION = Kind(
    "session",
    "errors.session",
    ERRORS.name,
    (Table("session_updates", "update_id"),),
    title="session of a release",
)
FEEDBACK = Kind("feedback", "errors.feedback", ERRORS.name, (Table("feedback", "event_id"),))
CHECK_IN = Kind(
    "check_in",
    "errors.check_in",
    ERRORS.name,
    (Table("check_ins", "update_id"),),
    title="check-in",
)
ATTACHMENT = Kind(
    "attachment", "errors.attachment", ERRORS.name, (Table("attachments", "attachment_id"),)
)

CHECKS = Topic(
    "raw.checks",
    7,
    "Batches of what checks of monitors saw, keyed by (project, check id).",
)
CHECK = Kind(
    "check",
    "uptime.check",
    CHECKS.name,
    (Table("checks", "check_id"),),
    title="check of a monitor",
)

DEPLOYS = Topic(
    "raw.deploys",
    8,
    # All lines of a deployment are in one partition, so that they are stored in their order.
    "Batches of lines that deployments print, keyed by (project, deployment id).",
)
DEPLOY_LINE = Kind(
    "deploy_line",
    "deploys.line",
    DEPLOYS.name,
    (Table("deploy_lines", "line_id"),),
    title="line of a deployment",
)

OTEL = Topic(
    "raw.otel",
    9,
    "Batches of spans, log records and metrics of OpenTelemetry, keyed by (project, item id).",
)
OTEL_SPAN = Kind(
    "otel_span",
    "otel.span",
    OTEL.name,
    (
        Table("otel_spans", "item_id"),
        # A call of a model, and a span of an agent or a tool, are rows beside those of others.
        CALLS,
        Table("spans", "span_id", key_column="api_key"),
        Table("messages", "item_id", merged=True),
        # What an evaluation says of the span.
        Table("scores", "item_id"),
        TEMPLATES,
    ),
    title="span of OpenTelemetry",
)
OTEL_RECORD = Kind(
    "otel_record",
    "otel.record",
    OTEL.name,
    (
        # A log record as any other; what it tells of a call or an agent stands beside it.
        Table("logs", "record_id"),
        CALLS,
        Table("spans", "span_id", key_column="api_key"),
        Table("messages", "item_id", merged=True),
        # What an evaluation says of the span.
        Table("scores", "item_id"),
        TEMPLATES,
    ),
    title="log record of OpenTelemetry",
)
OTEL_METRIC = Kind(
    "otel_metric",
    "otel.metric",
    OTEL.name,
    (Table("otel_metrics", "item_id"), Table("otel_points", "item_id")),
    title="metric of OpenTelemetry",
)

SYSTEMS = (
    System("llm", topics=(TRACES, SPANS, SCORES), kinds=(TRACE, SPAN, SCORE)),
    System(
        "errors",
        topics=(ERRORS, LOGS),
        kinds=(*(ERROR, TRANSACTION, STREAMED_SPAN, LOG, SESSION, FEEDBACK, CHECK_IN, ATTACHMENT),),
    ),
    System("uptime", topics=(CHECKS,), kinds=(CHECK,)),
    System("deploys", topics=(DEPLOYS,), kinds=(DEPLOY_LINE,)),
    System("otel", topics=(OTEL,), kinds=(OTEL_SPAN, OTEL_RECORD, OTEL_METRIC)),
)
"""One line each."""
KINDS = tuple(kind for system in SYSTEMS for kind in system.kinds)


def kinds_of(topic: str) -> tuple[Kind, ...]:
    """Returns the kinds whose items a topic carries."""
    return tuple(kind for kind in KINDS if kind.topic == topic)
