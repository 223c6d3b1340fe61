"""Which tables of the store are an interface, and which are not, and why."""

from collections.abc import Mapping

from clickhouse.exports import errors_tables, llm_tables, other_tables
from clickhouse.exports.tables import Exported

EXPORTED: Mapping[str, Exported] = {
    one.name: one for one in (*llm_tables.TABLES, *errors_tables.TABLES, *other_tables.TABLES)
}
"""By the name of the table, in the order in which people read of them."""
SUMS = "sums that Sluice makes of other rows"
WORK = "what Sluice needs to go on with its work"
NOT_EXPORTED: Mapping[str, str] = {
    "asked_keys": WORK,
    "bill_changes": WORK,
    "bill_marks": WORK,
    "bill_queue": WORK,
    "check_days": SUMS,
    "cost_changes": "costs before and after the rows were priced anew: the rows have the new ones",
    "error_hours": SUMS,
    "experiment_calls": "what the metadata of calls say of runs of datasets",
    "key_days": SUMS,
    "otel_peer_hours": SUMS,
    "otel_service_hours": SUMS,
    "otel_traces": SUMS,
    "projects": "one row, which says what the project is called",
    "session_sums": SUMS,
    "span_marks": WORK,
    "spans_hourly": SUMS,
    "streamed_span_sums": SUMS,
    "thinned_traces": WORK,
    "trace_sums": SUMS,
    "transaction_days": SUMS,
    "transaction_hours": SUMS,
}
INTERNAL = frozenset(
    {"project_id", "received_date", "log_id", "log_partition", "log_offset", "tags"}
    | {"session_hash", "latency_ns", "reported_digits", "scope", "role", "usage_extras", "age"}
    | {"pair_key", "pair_role", "pair_hash", "group_hash", "other_fingerprints", "grouping"}
    | {"user_hash", "session", "person", "picture", "replay_id", "noted_at", "measure"}
    | {"exemplar_times", "exemplar_values", "exemplar_trace_ids", "exemplar_span_ids"}
    | {"exemplar_attributes"}
)
"""Columns that may change at any time. `body` of `attachments` and `type` of `otel_points` are
left out too."""
LEFT_OUT: Mapping[str, frozenset[str]] = {
    "attachments": frozenset({"body"}),
    "otel_points": frozenset({"type"}),
}
