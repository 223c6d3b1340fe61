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
-- tags: the top-level scalars of metadata, spelled as clickhouse/tags.py says. One key of it is read
--   like a column: grouping 5 M rows by one takes 226 ms of CPU against 601 from a Map. The engine
--   takes 1.6 us a row longer to insert it, and Python 4 us less to build its text than an Arrow map.
--   Keys beyond 32 in a part share columns in buckets.
-- session_hash: counting distinct 8-byte hashes takes a third of the time that texts take; with a
--   million sessions in a range the chance that any two collide is 3e-8. 0 for no session.
-- Codecs: what analytics add up is LZ4, which is read several times faster than ZSTD; texts are ZSTD.
-- min_bytes_for_wide_part: one file a part up to 256 MB. A block then costs the CPU and the fsyncs of
--   one file and not of one a column: a tenth to a fifth of an insert, two fifths of a merge.
CREATE TABLE IF NOT EXISTS traces
(
    project_id LowCardinality(String),
    trace_id String CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    session_hash UInt64 MATERIALIZED if(session_id = '', 0, sipHash64(session_id)) CODEC(LZ4),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date MATERIALIZED toDate(received_at),
    provider LowCardinality(String),
    model_requested LowCardinality(String),
    model_used LowCardinality(Nullable(String)),
    provider_request_id Nullable(String) CODEC(ZSTD(1)),
    status LowCardinality(String),
    latency_ms Float64 CODEC(ZSTD(1)),
    latency_ns UInt64 CODEC(T64, LZ4),
    input_tokens Nullable(UInt64) CODEC(T64, LZ4),
    output_tokens Nullable(UInt64) CODEC(T64, LZ4),
    cache_read_tokens Nullable(UInt64) CODEC(T64, LZ4),
    cache_write_tokens Nullable(UInt64) CODEC(T64, LZ4),
    reasoning_tokens Nullable(UInt64) CODEC(T64, LZ4),
    computed_cost Nullable(Decimal(38, 12)) CODEC(LZ4),
    reported_cost Nullable(Decimal(38, 12)) CODEC(LZ4),
    price_id LowCardinality(String),
    environment LowCardinality(String),
    user_id LowCardinality(String),
    tags JSON(max_dynamic_paths = 32, max_dynamic_types = 1) CODEC(ZSTD(1)),
    finish_reason LowCardinality(Nullable(String)),
    output_text Nullable(String) CODEC(ZSTD(1)),
    request_body String CODEC(ZSTD(1)),
    response_body String CODEC(ZSTD(1)),
    error String CODEC(ZSTD(1)),
    metadata String CODEC(ZSTD(1)),
    log_id LowCardinality(String),
    log_partition UInt16,
    log_offset UInt64 CODEC(Delta, LZ4),
    INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_session_id session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, timestamp, trace_id)
SETTINGS non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 268435456,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
