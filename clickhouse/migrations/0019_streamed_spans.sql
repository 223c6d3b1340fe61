-- streamed_spans: one row per span that an SDK streamed by itself. It belongs to the transaction that its
--   segment became, whose event_id it has; the two come in any order.
-- Written by: processors/sink.py, as traces (0001) is. Read by: clickhouse/errors, together with
--   transaction_spans (0014): a span is in one of both.
-- Repeats: none. item_id is made of the ids of trace, segment and span. (project_id, item_id) is unique.
-- Lives: until retention removes whole days by received_date.
-- ORDER BY: every query is bound to a project and a time.
-- timestamp, started: when the span began. When its transaction did, it does not know.
-- transaction: the name of its segment, as the span itself says.
-- min_bytes_for_wide_part, log_*: as errors (0013).
CREATE TABLE IF NOT EXISTS streamed_spans
(
    project_id LowCardinality(String),
    item_id String CODEC(ZSTD(1)),
    event_id String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date MATERIALIZED toDate(received_at),
    transaction LowCardinality(String),
    span_id String CODEC(ZSTD(1)),
    parent_span_id String CODEC(ZSTD(1)),
    op LowCardinality(String),
    description String CODEC(ZSTD(1)),
    status LowCardinality(String),
    started DateTime64(6, 'UTC') ALIAS timestamp,
    duration_ns UInt64 CODEC(T64, LZ4),
    data String CODEC(ZSTD(1)),
    log_id LowCardinality(String),
    log_partition UInt16,
    log_offset UInt64 CODEC(Delta, LZ4),
    INDEX by_item_id item_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_event_id event_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, timestamp, event_id)
SETTINGS non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 268435456,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- streamed_span_sums: how many streamed spans a transaction has, and between which moments they began.
-- Written by: the view below. Read by: clickhouse/errors: counts in lists, and where in streamed_spans to
--   look for those of one transaction.
-- Repeats: rows of one key add up. Lives: as streamed_spans; received_date is in the key.
-- ORDER BY: looked up by transactions. index_granularity: a page looks up a hundred, each in its place.
CREATE TABLE IF NOT EXISTS streamed_span_sums
(
    project_id LowCardinality(String),
    event_id String CODEC(ZSTD(1)),
    received_date Date,
    spans SimpleAggregateFunction(sum, UInt64),
    first SimpleAggregateFunction(min, DateTime64(6, 'UTC')),
    last SimpleAggregateFunction(max, DateTime64(6, 'UTC'))
)
ENGINE = {replicated}AggregatingMergeTree
PARTITION BY toYYYYMM(received_date)
ORDER BY (project_id, event_id, received_date)
SETTINGS non_replicated_deduplication_window = 10000,
    index_granularity = 512,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS streamed_span_sums_feed TO streamed_span_sums AS
SELECT
    s.project_id AS project_id,
    s.event_id AS event_id,
    s.received_date AS received_date,
    count() AS spans,
    min(s.timestamp) AS first,
    max(s.timestamp) AS last
FROM streamed_spans AS s
GROUP BY project_id, event_id, received_date;
