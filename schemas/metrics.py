"""Every metric of Sluice, with its kind, unit and meaning; `/metrics` serves them.

Declared in one place because the packages that count must not know each other.
"""

from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry(auto_describe=False)


@lru_cache(4_096)
def counter(metric: Counter, *labels: str) -> Counter:
    """Returns what counts for these labels, for what is counted at each request.

    Of a metric whose series are never removed: the library makes and looks it up in 2 us.
    """
    return metric.labels(*labels)


@lru_cache(4_096)
def histogram(metric: Histogram, *labels: str) -> Histogram:
    """As `counter`, for a histogram."""
    return metric.labels(*labels)


RECEIVED = Counter(
    "sluice_items_received", "Items that reached the edge.", ["kind"], registry=REGISTRY
)
ACCEPTED = Counter(
    "sluice_items_accepted", "Items durably in the log.", ["kind"], registry=REGISTRY
)
REJECTED = Counter(
    "sluice_items_rejected", "Items rejected at the edge.", ["kind", "reason"], registry=REGISTRY
)
NOT_KEPT = Counter(
    "sluice_items_not_kept",
    "Items of accepted requests that only the outcomes count: filtered, or discarded by clients.",
    ["kind", "reason"],
    registry=REGISTRY,
)
DUPLICATES = Counter(
    "sluice_items_duplicate", "Items whose id was stored before.", ["kind"], registry=REGISTRY
)
DEAD = Counter(
    "sluice_items_dead",
    "Items put into the dead-letter topic; of a damaged record one, of the kind `unknown`.",
    ["kind"],
    registry=REGISTRY,
)
DEDUP_FILTER_FILL = Gauge(
    "sluice_dedup_filter_fill",
    "How full the duplicates filter is: above 1, ever more new ids are looked up in the store.",
    ["kind"],
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "sluice_request_seconds",
    "Time to answer a request, by route.",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
CONNECTIONS = Gauge("sluice_connections", "Connections that are open.", registry=REGISTRY)
CONNECTIONS_CUT = Counter(
    "sluice_connections_cut",
    "Connections closed in the middle of something, or for another one.",
    ["reason"],
    registry=REGISTRY,
)
EDGE_PROCESSES = Gauge(
    "sluice_edge_processes",
    "Edge processes that take connections; while there is none, their owner does.",
    registry=REGISTRY,
)
EDGE_PROCESSES_ENDED = Counter(
    "sluice_edge_processes_ended_total",
    "Edge processes that `died`, or `hung` and were killed; others were started in their place.",
    ["reason"],
    registry=REGISTRY,
)
LOG_BYTES = Gauge("sluice_log_bytes", "Bytes of records in the log.", registry=REGISTRY)
LOG_QUEUED_BYTES = Gauge(
    "sluice_log_queued_bytes", "Bytes that wait for their commit.", registry=REGISTRY
)
SPOOL_BYTES = Gauge(
    "sluice_spool_bytes", "Bytes of records that wait on disk for Kafka.", registry=REGISTRY
)
SPOOL_OLDEST_SECONDS = Gauge(
    "sluice_spool_oldest_seconds", "Age of the oldest record in the spool.", registry=REGISTRY
)
SPOOL_DRAINED = Counter(
    "sluice_spool_records_drained",
    "Records of the spool that Kafka has acknowledged.",
    registry=REGISTRY,
)
LAG_RECORDS = Gauge(
    "sluice_lag_records", "Records that are not stored yet.", ["topic"], registry=REGISTRY
)
LAG_SECONDS = Gauge(
    "sluice_lag_seconds",
    "Age of the oldest record that is not stored yet.",
    ["topic"],
    registry=REGISTRY,
)
OLDEST_UNACKED_SECONDS = Gauge(
    "sluice_oldest_unacked_seconds",
    "Age of the oldest record that the stream holds and has not stored.",
    registry=REGISTRY,
)
BODIES_IN_HAND = Gauge(
    "sluice_bodies_in_hand_bytes", "Bytes of all requests being read.", registry=REGISTRY
)
BLOCKS_IN_HAND = Gauge(
    "sluice_blocks_in_hand_bytes",
    "Bytes of events that are worked out or written, before compression.",
    ["topic"],
    registry=REGISTRY,
)
PARTITIONS_OWNED = Gauge(
    "sluice_partitions_owned", "Partitions of the log that this worker stores.", registry=REGISTRY
)
BLOCK_ROWS = Histogram(
    "sluice_block_rows",
    "Rows of one insert.",
    ["table"],
    buckets=(1, 10, 100, 1_000, 2_500, 5_000, 10_000, 25_000),
    registry=REGISTRY,
)
INSERT_SECONDS = Histogram(
    "sluice_insert_seconds", "Time of one insert into the store.", ["table"], registry=REGISTRY
)
INSERT_FAILURES = Counter(
    "sluice_insert_failures",
    "Tries to store a block that failed and are repeated, by what they met: `store`, `access`,"
    " `rows`, `log`, `control plane` or `resources`.",
    ["table", "reason"],
    registry=REGISTRY,
)
INSERT_FAILING_SECONDS = Gauge(
    "sluice_insert_failing_seconds",
    "For how long the block next to store has been failing; 0 once it is stored.",
    ["table", "partition"],
    registry=REGISTRY,
)
RETENTION_HELD_DAYS = Gauge(
    "sluice_retention_held_days",
    "How far the clock is ahead of the last day that retention knows, while nothing is deleted for"
    " its age until a person confirms the date; else 0.",
    registry=REGISTRY,
)
RETENTION_REMOVED = Counter(
    "sluice_retention_removed_rows_total",
    "Rows that retention has deleted, by kind, and by what: their days, a sample or rules.",
    ["kind", "rule"],
    registry=REGISTRY,
)
RETENTION_WAITING = Gauge(
    "sluice_retention_waiting_days",
    "Days of projects whose traces are to be thinned by a rule and are not yet.",
    registry=REGISTRY,
)
QUERY_SECONDS = Histogram(
    "sluice_query_seconds",
    "Time of one query of the store.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
ANSWER_BYTES = Gauge(
    "sluice_answer_bytes", "Bytes of answers that are being read or sent.", registry=REGISTRY
)
ANSWERS_PUT_OFF = Counter(
    "sluice_answers_put_off",
    "Answers for which too many bytes of others were on their way (503).",
    registry=REGISTRY,
)
UNPRICED = Counter(
    "sluice_items_unpriced",
    "Stored items with tokens whose price is unknown.",
    ["kind"],
    registry=REGISTRY,
)
BILL_LAG_RECORDS = Gauge(
    "sluice_bill_lag_records",
    "Records of OpenTelemetry that are stored and were not looked at to correct bills.",
    registry=REGISTRY,
)
BILLS_CORRECTED = Counter(
    "sluice_bills_corrected",
    "Calls whose verdict a later span or record changed, by the new verdict.",
    ["verdict"],
    registry=REGISTRY,
)
BILL_SCOPES_TOO_LARGE = Counter(
    "sluice_bill_scopes_too_large",
    "Looks at a trace or session with too many spans to correct its bills: these stay as they are.",
    registry=REGISTRY,
)
PROBE_CHECKS = Counter(
    "sluice_probe_checks", "Checks of monitors.", ["type", "outcome"], registry=REGISTRY
)
PROBE_TARGETS = Gauge(
    "sluice_probe_targets", "Monitors that this process looks at.", registry=REGISTRY
)
PROBES_RUNNING = Gauge("sluice_probes_running", "Checks that are under way.", registry=REGISTRY)
PROBE_LATENESS_SECONDS = Histogram(
    "sluice_probe_lateness_seconds",
    "How much later than it was due a check began.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
PROBE_SLOTS_MISSED = Counter(
    "sluice_probe_slots_missed",
    "Slots without a check: the last one was `running`, or the prober was `asleep`.",
    ["reason"],
    registry=REGISTRY,
)
PROBE_SPOOL_BYTES = Gauge(
    "sluice_probe_spool_bytes", "Bytes of results that are not delivered yet.", registry=REGISTRY
)
PROBE_RESULTS_DROPPED = Counter(
    "sluice_probe_results_dropped",
    "Results that were never delivered: the spool was `full`, or they were `unreadable` or"
    " `rejected`.",
    ["reason"],
    registry=REGISTRY,
)
PROBE_DELIVERY_FAILURES = Counter(
    "sluice_probe_delivery_failures",
    "Deliveries of results that failed and are repeated.",
    registry=REGISTRY,
)
MESSAGE_ATTEMPTS = Counter(
    "sluice_message_attempts",
    "Attempts to send messages of alerts: `delivered`, `retried` later, or `given_up`.",
    ["source", "outcome"],
    registry=REGISTRY,
)
APP_REQUESTS = Counter(
    "sluice_app_requests",
    "Requests for apps, by what became of them: the app's `2xx` to `5xx`, or `unrouted`, `busy`,"
    " `failed`, `late`, `refused` or `left`.",
    ["project", "environment", "outcome"],
    registry=REGISTRY,
)
APP_REQUEST_SECONDS = Histogram(
    "sluice_app_request_seconds",
    "Time until an app begins to answer, as its proxy sees it.",
    ["project", "environment"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
    registry=REGISTRY,
)
APP_REQUESTS_RUNNING = Gauge(
    "sluice_app_requests_running", "Requests for apps that are under way.", registry=REGISTRY
)
APP_SOCKETS = Gauge("sluice_app_sockets", "WebSockets that lead to apps.", registry=REGISTRY)
