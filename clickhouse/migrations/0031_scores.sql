-- scores: one row for each time that a score was sent: what somebody or something thinks of a call, a span, a session
--   or a user.
-- Written by: processors/sink.py, as traces (0001) is. Read by: clickhouse/llm/scores.py and clickhouse/llm/score_*.py.
-- Repeats: none of (project_id, item_id). A score that was sent again has several rows with its score_id, and the one
--   with the greatest version counts: whoever reads asks for scores, not for rows. deleted: that row takes it away.
-- Lives: until retention removes whole days by received_date.
-- ORDER BY: lists and analytics are of a project and a time.
-- version: what the sender says (updated_at), or when it came; never after it came, so that no wrong clock makes a
--   score that cannot be changed any more. Of equal ones the greater (received_at, item_id) counts.
-- What a score is about (trace_id, span_id, session_id, user_id) may come before it, after it or never: nothing is
--   joined here. trace_id is that of a call, or of a trace of OpenTelemetry; call_id is that of the call of table traces
--   which both name together.
-- value: of numbers; 0 or 1 of what is true or false; NULL of words. text: the words.
-- source: api, eval, annotation, user or otel. author: which person or model says so.
CREATE TABLE IF NOT EXISTS scores
(
    project_id LowCardinality(String),
    item_id String CODEC(ZSTD(1)),
    score_id String CODEC(ZSTD(1)),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date MATERIALIZED toDate(received_at),
    version DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    deleted Bool,
    name LowCardinality(String),
    data_type LowCardinality(String),
    value Nullable(Float64) CODEC(ZSTD(1)),
    text String CODEC(ZSTD(1)),
    source LowCardinality(String),
    author String CODEC(ZSTD(1)),
    environment LowCardinality(String),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    call_id String MATERIALIZED if(length(trace_id) = 32 AND span_id != '', concat(trace_id, '-', span_id), trace_id)
        CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    user_id String CODEC(ZSTD(1)),
    comment String CODEC(ZSTD(1)),
    metadata String CODEC(ZSTD(1)),
    log_id LowCardinality(String),
    log_partition UInt16,
    log_offset UInt64 CODEC(Delta, LZ4),
    INDEX by_item_id item_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_score_id score_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_call_id call_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_span_id span_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_session_id session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_user_id user_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, timestamp, score_id)
SETTINGS non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 268435456,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
