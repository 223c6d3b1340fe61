-- outcomes: how many items met which fate, per project, kind, reason and minute of arrival.
-- Written by: processors/sink.py, with each block (received, accepted, duplicate, dead) and from the
--   edge's own records (received and every refusal). outcome 'received' is counted on its own, so
--   that received = the sum of all other outcomes is a check and not a definition.
-- Read by: clickhouse/queries/outcomes.py.
-- Repeats: rows of one key add up. A replayed dead letter adds -1 to 'dead' and +1 to its new fate.
-- Lives: until retention removes whole days by received_date.
CREATE TABLE IF NOT EXISTS outcomes
(
    project_id LowCardinality(String),
    minute DateTime('UTC'),
    kind LowCardinality(String),
    outcome LowCardinality(String),
    reason LowCardinality(String),
    received_date Date MATERIALIZED toDate(minute),
    count Int64
)
ENGINE = {replicated}SummingMergeTree(count)
PARTITION BY toYYYYMM(minute)
ORDER BY (project_id, minute, kind, outcome, reason)
SETTINGS non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
