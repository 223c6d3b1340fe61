-- transactions: one row per request, job or page load that a sender measured.
-- Written by: processors/sink.py, as traces (0001) is. Read by: clickhouse/errors.
-- Repeats: none. (project_id, event_id) is unique.
-- Lives: until retention removes whole days by received_date.
-- ORDER BY: every query is bound to a project and a time.
-- timestamp: when it began. failed: whether its status counts as a failure
--   (schemas/errors/transaction.py).
-- body: the whole transaction as JSON, without its spans, personal data masked. Lists never read it.
-- tags, codecs, min_bytes_for_wide_part, log_*, user_key: as errors.
CREATE TABLE IF NOT EXISTS transactions
(
    project_id LowCardinality(String),
    event_id String CODEC(ZSTD(1)),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date MATERIALIZED toDate(received_at),
    duration_ns UInt64 CODEC(T64, LZ4),
    name String CODEC(ZSTD(1)),
    op LowCardinality(String),
    status LowCardinality(String),
    failed Bool,
    platform LowCardinality(String),
    environment LowCardinality(String),
    release LowCardinality(String),
    dist LowCardinality(String),
    server_name LowCardinality(String),
    sdk LowCardinality(String),
    user_key String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    parent_span_id String CODEC(ZSTD(1)),
    spans UInt32 CODEC(T64, LZ4),
    tags JSON(max_dynamic_paths = 32, max_dynamic_types = 1) CODEC(ZSTD(1)),
    body String CODEC(ZSTD(1)),
    log_id LowCardinality(String),
    log_partition UInt16,
    log_offset UInt64 CODEC(Delta, LZ4),
    INDEX by_event_id event_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, timestamp, event_id)
SETTINGS non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 268435456,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- transaction_spans: one row per span within a transaction.
-- Written by: the sink, with the block of its transaction and before it. Read by: clickhouse/errors: the
--   waterfall of one transaction, the slowest spans and queries.
-- Repeats: none of (project_id, event_id, span_id), unless a sender repeats a span in one transaction.
-- Lives: as transactions.
-- ORDER BY: one transaction's spans stand together; their day is known from it.
-- timestamp: when the transaction began, so that both are found by one range. started: when the span did.
CREATE TABLE IF NOT EXISTS transaction_spans
(
    project_id LowCardinality(String),
    event_id String CODEC(ZSTD(1)),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date MATERIALIZED toDate(received_at),
    transaction LowCardinality(String),
    span_id String CODEC(ZSTD(1)),
    parent_span_id String CODEC(ZSTD(1)),
    op LowCardinality(String),
    description String CODEC(ZSTD(1)),
    status LowCardinality(String),
    started DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    duration_ns UInt64 CODEC(T64, LZ4),
    data String CODEC(ZSTD(1)),
    log_id LowCardinality(String),
    log_partition UInt16,
    log_offset UInt64 CODEC(Delta, LZ4),
    INDEX by_event_id event_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, timestamp, event_id, started)
SETTINGS non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 268435456,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- transaction_hours: sums and a latency sketch per name and hour of the transactions' own time.
-- Written by: the view below. Read by: clickhouse/errors.
-- Repeats: rows of one key add up. Lives: as transactions; received_date is in the key.
-- duration: quantilesDD, as trace_sums (0004) says. satisfied, tolerated: of the apdex, with a target of
--   300 ms: done within it, done within four times it. What failed is neither. duration_ns: wide, for
--   two of the longest durations fill 64 bits.
CREATE TABLE IF NOT EXISTS transaction_hours
(
    project_id LowCardinality(String),
    hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
    received_date Date,
    name String CODEC(ZSTD(1)),
    op LowCardinality(String),
    environment LowCardinality(String),
    release LowCardinality(String),
    count SimpleAggregateFunction(sum, UInt64),
    failed SimpleAggregateFunction(sum, UInt64),
    satisfied SimpleAggregateFunction(sum, UInt64),
    tolerated SimpleAggregateFunction(sum, UInt64),
    duration_ns SimpleAggregateFunction(sum, UInt128),
    duration AggregateFunction(quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99), UInt64)
)
ENGINE = {replicated}AggregatingMergeTree
PARTITION BY toYYYYMM(received_date)
ORDER BY (project_id, hour, name, op, environment, release, received_date)
SETTINGS non_replicated_deduplication_window = 10000,
    index_granularity = 512,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS transaction_hours_feed TO transaction_hours AS
SELECT
    t.project_id AS project_id,
    toStartOfHour(t.timestamp) AS hour,
    t.received_date AS received_date,
    t.name AS name,
    t.op AS op,
    t.environment AS environment,
    t.release AS release,
    count() AS count,
    countIf(t.failed) AS failed,
    countIf(NOT t.failed AND t.duration_ns <= 300000000) AS satisfied,
    countIf(NOT t.failed AND t.duration_ns > 300000000 AND t.duration_ns <= 1200000000) AS tolerated,
    sum(toUInt128(t.duration_ns)) AS duration_ns,
    quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)(t.duration_ns) AS duration
FROM transactions AS t
GROUP BY project_id, hour, received_date, name, op, environment, release;
