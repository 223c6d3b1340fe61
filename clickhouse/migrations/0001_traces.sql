-- traces: one row per LLM call.
-- Written by: processors/sink.py, in blocks (one block = a range of offsets of one log partition),
--   each with an insert_deduplication_token, so that an insert repeated after a crash is dropped
--   here and in every view that hangs on this table.
-- Read by: clickhouse/queries (lists, one trace, sessions, analytics) and the sink's own check for
--   ids that were stored before.
-- Repeats: none. (project_id, trace_id) is unique: the sink drops a resent id before the insert.
-- Lives: until retention removes whole days by received_date.
-- Partition by the server's clock, not the sender's: an insert then meets one or two partitions,
--   so that no batch of odd timestamps can make too many parts.
-- ORDER BY: every query is bound to a project and nearly every one to a time; newest-first lists
--   read the key backwards.
-- log_id, log_partition, log_offset say which log record the row came from: a replay of stored
--   offsets is told apart from a client's resend by them.
CREATE TABLE IF NOT EXISTS traces
(
    project_id LowCardinality(String),
    trace_id String CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date MATERIALIZED toDate(received_at),
    provider LowCardinality(String),
    model_requested LowCardinality(String),
    model_used LowCardinality(Nullable(String)),
    provider_request_id Nullable(String) CODEC(ZSTD(1)),
    status LowCardinality(String),
    latency_ms Float64 CODEC(ZSTD(1)),
    latency_ns UInt64 CODEC(ZSTD(1)),
    input_tokens Nullable(UInt64) CODEC(ZSTD(1)),
    output_tokens Nullable(UInt64) CODEC(ZSTD(1)),
    cache_read_tokens Nullable(UInt64) CODEC(ZSTD(1)),
    cache_write_tokens Nullable(UInt64) CODEC(ZSTD(1)),
    reasoning_tokens Nullable(UInt64) CODEC(ZSTD(1)),
    computed_cost Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    reported_cost Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    price_id LowCardinality(String),
    environment LowCardinality(String),
    user_id LowCardinality(String),
    tags Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    finish_reason LowCardinality(Nullable(String)),
    output_text Nullable(String) CODEC(ZSTD(1)),
    request_body String CODEC(ZSTD(1)),
    response_body String CODEC(ZSTD(1)),
    error String CODEC(ZSTD(1)),
    metadata String CODEC(ZSTD(1)),
    log_id LowCardinality(String),
    log_partition UInt16 CODEC(ZSTD(1)),
    log_offset UInt64 CODEC(Delta, ZSTD(1)),
    INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_session_id session_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, timestamp, trace_id)
SETTINGS non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
