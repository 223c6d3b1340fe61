"""Tables of errors, transactions, logs and what comes beside them, that are an interface."""

from clickhouse.exports.columns import Column, optional
from clickhouse.exports.llm_tables import RECEIVED
from clickhouse.exports.tables import Exported, Key

EVENT_ID = Column("event_id", "text", "Id of the event, unique in the project.")
TIMESTAMP = Column("timestamp", "time", "When it happened, as its sender says.")
ENVIRONMENT = Column("environment", "text", "As `production`; empty: not said.")
RELEASE = Column("release", "text", "The version of the program; empty: not said.")
DIST = Column("dist", "text", "The build of that version.")
PLATFORM = Column("platform", "text", "As `python`.")
SDK = Column("sdk", "text", "The library that sent it, with its version.")
SERVER = Column("server_name", "text", "The machine.")
USER = Column("user_key", "text", "Who met it: id, else email, else name, else address.")
TRACE = Column("trace_id", "text", "The distributed trace; empty: none.")
SPAN = Column("span_id", "text", "The span in it.")
AT_EVENT = (Key("timestamp", "time"), Key("event_id", "text"))

ERRORS = Exported(
    "errors",
    "Errors, one event a row.",
    key=(Key("group_hash", "integer"), *AT_EVENT),
    size="body.size",
    columns=(
        EVENT_ID,
        Column("fingerprint", "text", "What the event is grouped by; an issue has one or several."),
        TIMESTAMP,
        RECEIVED,
        Column("level", "text", "As `error` or `fatal`."),
        Column("type", "text", "The class of the exception."),
        Column("title", "text", "What it says, in one line."),
        Column("culprit", "text", "Where it was thrown."),
        optional("handled", "bool", "Whether the program caught it."),
        PLATFORM,
        Column("logger", "text", "The logger that reported it."),
        ENVIRONMENT,
        RELEASE,
        DIST,
        Column("transaction", "text", "The request or job in which it happened."),
        SERVER,
        SDK,
        USER,
        TRACE,
        SPAN,
        Column("body", "json", "The whole event, personal data masked."),
    ),
    equal=("fingerprint", "level", "type", "environment", "release", "transaction", "server_name"),
)
TRANSACTIONS = Exported(
    "transactions",
    "Requests, jobs and page loads that were measured.",
    key=AT_EVENT,
    size="body.size",
    columns=(
        EVENT_ID,
        Column("timestamp", "time", "When it began."),
        RECEIVED,
        Column("duration_ns", "integer", "How long it took.", "ns"),
        Column("name", "text", "The route or the job."),
        Column("op", "text", "What sort of work, as `http.server`."),
        Column("status", "text", "As `ok` or `internal_error`."),
        Column("failed", "bool", "Whether that is a failure."),
        PLATFORM,
        ENVIRONMENT,
        RELEASE,
        DIST,
        SERVER,
        SDK,
        USER,
        TRACE,
        SPAN,
        Column("parent_span_id", "text", "The span that called it; empty: none."),
        Column("spans", "integer", "How many spans it came with."),
        Column("body", "json", "The whole, without its spans, personal data masked."),
    ),
    equal=("name", "op", "status", "environment", "release", "server_name"),
)
SPAN_COLUMNS = (
    Column("timestamp", "time", "When its transaction began."),
    RECEIVED,
    Column("transaction", "text", "The name of its transaction."),
    Column("span_id", "text", "Id of the span."),
    Column("parent_span_id", "text", "The span above it."),
    Column("op", "text", "What sort of work, as `db.query`."),
    Column("description", "text", "What was done, as a statement of SQL."),
    Column("status", "text", "As `ok`."),
    Column("started", "time", "When the span began."),
    Column("duration_ns", "integer", "How long it took.", "ns"),
    Column("data", "json", "What the sender said beside."),
)
TRANSACTION_SPANS = Exported(
    "transaction_spans",
    "Spans that came within transactions.",
    key=(*AT_EVENT, Key("started", "time"), Key("span_id", "text")),
    size="length(description) + length(data)",
    columns=(Column("event_id", "text", "The transaction."), *SPAN_COLUMNS),
    equal=("event_id", "op", "transaction"),
)
STREAMED_SPANS = Exported(
    "streamed_spans",
    "Spans that came by themselves.",
    key=(*AT_EVENT, Key("item_id", "text")),
    size="length(description) + length(data)",
    columns=(
        Column("item_id", "text", "Id of the row, unique in the project."),
        Column("event_id", "text", "The transaction; empty: not known."),
        TRACE,
        *SPAN_COLUMNS,
    ),
    equal=("event_id", "op", "transaction"),
)
LOGS = Exported(
    "logs",
    "Log records.",
    key=(Key("timestamp", "time"), Key("sequence", "integer"), Key("record_id", "text")),
    size="body.size + 500",
    columns=(
        Column("record_id", "text", "Id of the record, unique in the project."),
        TIMESTAMP,
        Column("sequence", "integer", "The order of records of one moment."),
        Column("observed_at", "time", "When the sender's library or collector saw it."),
        RECEIVED,
        Column("severity", "integer", "1 to 24, as OpenTelemetry has it; 0: not said."),
        Column("severity_text", "text", "The sender's word for it."),
        Column("body", "text", "What it says."),
        TRACE,
        SPAN,
        Column("logger", "text", "The logger."),
        ENVIRONMENT,
        RELEASE,
        Column("service", "text", "The service."),
        SERVER,
        PLATFORM,
        SDK,
        USER,
        Column("attributes", "paths", "What the sender said beside."),
        Column("problems", "texts", "What was cut or left out of it."),
        Column("convention", "text", "The convention of OpenTelemetry, where it tells of a call."),
        Column("input_messages", "hashes", "What a model was told: `hash` of `messages`."),
        Column("output_messages", "hashes", "What it answered: `hash` of `messages`."),
    ),
)
SESSION_UPDATES = Exported(
    "session_updates",
    "What programs said of their sessions; the last `seq` of a session counts.",
    key=(Key("started", "time"), Key("update_id", "text")),
    size="200",
    moment="started",
    columns=(
        Column("update_id", "text", "Id of the row, unique in the project."),
        Column("session_id", "text", "The session; empty: a sum of several."),
        Column("seq", "integer", "The order of what is said of one session."),
        Column("started", "time", "When the session began."),
        Column("timestamp", "time", "When this was said."),
        RECEIVED,
        Column("status", "text", "As `ok` or `crashed`."),
        Column("has_errors", "bool", "Whether an error was met in it."),
        optional("duration_s", "number", "How long it was.", "s"),
        RELEASE,
        ENVIRONMENT,
        SDK,
        Column("exited", "integer", "Of a sum: sessions that ended well."),
        Column("errored", "integer", "Of a sum: sessions with errors."),
        Column("unhandled", "integer", "Of a sum: sessions with errors that nothing caught."),
        Column("abnormal", "integer", "Of a sum: sessions that ended without a word."),
        Column("crashed", "integer", "Of a sum: sessions that crashed."),
    ),
    equal=("status", "release", "environment"),
)
FEEDBACK = Exported(
    "feedback",
    "What people wrote of a program.",
    key=AT_EVENT,
    size="length(message) + body.size",
    columns=(
        EVENT_ID,
        TIMESTAMP,
        RECEIVED,
        Column("message", "text", "What they wrote."),
        Column("name", "text", "Their name."),
        Column("email", "text", "Their address."),
        Column("url", "text", "The page that they were on."),
        Column("associated_event_id", "text", "The error that it is about; empty: none."),
        Column("source", "text", "How it was asked for."),
        ENVIRONMENT,
        RELEASE,
        PLATFORM,
        SDK,
        USER,
        TRACE,
        SPAN,
        Column("body", "json", "The whole event."),
    ),
    equal=("environment", "release", "associated_event_id"),
)
CHECK_INS = Exported(
    "check_ins",
    "What jobs said of their runs through Sentry's SDKs.",
    key=(
        *(Key("monitor_slug", "text"), Key("environment", "text")),
        *(Key("timestamp", "time"), Key("update_id", "text")),
    ),
    size="length(monitor_config) + 200",
    columns=(
        Column("update_id", "text", "Id of the row, unique in the project."),
        TIMESTAMP,
        RECEIVED,
        Column("check_in_id", "text", "The run."),
        Column("monitor_slug", "text", "The job."),
        Column("status", "text", "`in_progress`, `ok` or `error`."),
        optional("duration_ns", "integer", "How long the run took.", "ns"),
        ENVIRONMENT,
        RELEASE,
        SDK,
        TRACE,
        Column("monitor_config", "json", "The schedule, as the job says."),
    ),
    equal=("monitor_slug", "status", "environment"),
)
ATTACHMENTS = Exported(
    "attachments",
    "Files that came with events, without what stands in them.",
    key=(Key("event_id", "text"), Key("attachment_id", "text")),
    size="300",
    moment="received_at",
    columns=(
        Column("attachment_id", "text", "Id of the file, unique in the project."),
        Column("event_id", "text", "The event that it came with."),
        RECEIVED,
        Column("name", "text", "Its name."),
        Column("content_type", "text", "As `image/png`."),
        Column("type", "text", "What it is for, as `event.attachment`."),
        Column("size", "integer", "How long it is.", "bytes"),
        Column("sha256", "text", "SHA-256 of what stands in it."),
    ),
    equal=("event_id",),
)
TABLES = (
    *(ERRORS, TRANSACTIONS, TRANSACTION_SPANS, STREAMED_SPANS, LOGS),
    *(SESSION_UPDATES, FEEDBACK, CHECK_INS, ATTACHMENTS),
)
