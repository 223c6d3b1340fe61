-- spans: one row per agent event (tool call, prompt, session start, model answer, ...).
-- Written by: processors/sink.py, as traces (0001) is; read by clickhouse/queries.
-- Repeats: none. (project_id, span_id) is unique.
-- Lives: until retention removes whole days by received_date.
-- ORDER BY, tags, codecs, min_bytes_for_wide_part: as traces.
-- pair_hash: what a span and its pair meet by; 0 for no pair. An analysis of 3 M spans by the two texts
--   took 3.4 s of CPU against 0.8. With ten million pairs in a project the chance that any two
--   collide is 3e-6.
CREATE TABLE IF NOT EXISTS spans
(
    project_id LowCardinality(String),
    span_id String CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    parent_span_id Nullable(String) CODEC(ZSTD(1)),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date MATERIALIZED toDate(received_at),
    duration_ms Nullable(Float64) CODEC(ZSTD(1)),
    source LowCardinality(String),
    kind LowCardinality(String),
    event_type LowCardinality(String),
    status LowCardinality(String),
    pair_key String CODEC(ZSTD(1)),
    pair_role LowCardinality(String),
    pair_hash UInt64 MATERIALIZED if(pair_role = '', 0, sipHash64(session_id, pair_key)) CODEC(LZ4),
    tool_use_id Nullable(String) CODEC(ZSTD(1)),
    tool_name LowCardinality(Nullable(String)),
    is_interrupt Nullable(Bool) CODEC(ZSTD(1)),
    cwd Nullable(String) CODEC(ZSTD(1)),
    model LowCardinality(Nullable(String)),
    agent_name LowCardinality(Nullable(String)),
    provider LowCardinality(Nullable(String)),
    input_tokens Nullable(UInt64) CODEC(T64, LZ4),
    output_tokens Nullable(UInt64) CODEC(T64, LZ4),
    cache_read_tokens Nullable(UInt64) CODEC(T64, LZ4),
    cache_write_tokens Nullable(UInt64) CODEC(T64, LZ4),
    reasoning_tokens Nullable(UInt64) CODEC(T64, LZ4),
    computed_cost Nullable(Decimal(38, 12)) CODEC(LZ4),
    reported_cost Nullable(Decimal(38, 12)) CODEC(LZ4),
    price_id LowCardinality(String),
    tags JSON(max_dynamic_paths = 32, max_dynamic_types = 1) CODEC(ZSTD(1)),
    tool_input String CODEC(ZSTD(1)),
    tool_response String CODEC(ZSTD(1)),
    error String CODEC(ZSTD(1)),
    metadata String CODEC(ZSTD(1)),
    log_id LowCardinality(String),
    log_partition UInt16,
    log_offset UInt64 CODEC(Delta, LZ4),
    INDEX by_span_id span_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_session_id session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, timestamp, span_id)
SETTINGS non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 268435456,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- span_pairs: when a pair (tool call, session) began, whatever the order or batch in which its two
-- events arrived.
-- Written by: the view below. Read by: clickhouse/queries, to fill duration_ms at read time. The
-- halves of a pair meet in no partition and no batch for certain; min and max do not care.
-- Repeats: merge (min and max are idempotent). Lives: as spans.
-- index_granularity: a page of a list looks up a few dozen pairs, each in a place of its own.
CREATE TABLE IF NOT EXISTS span_pairs
(
    project_id LowCardinality(String),
    pair_hash UInt64 CODEC(NONE),
    received_date SimpleAggregateFunction(max, Date),
    started SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))),
    ended SimpleAggregateFunction(max, Nullable(DateTime64(6, 'UTC')))
)
ENGINE = {replicated}AggregatingMergeTree
ORDER BY (project_id, pair_hash)
SETTINGS non_replicated_deduplication_window = 10000,
    index_granularity = 1024,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS span_pairs_feed TO span_pairs AS
SELECT
    project_id,
    pair_hash,
    max(toDate(received_at)) AS received_date,
    min(if(pair_role = 'start', toNullable(timestamp), NULL)) AS started,
    max(if(pair_role = 'end', toNullable(timestamp), NULL)) AS ended
FROM spans
WHERE pair_role != ''
GROUP BY project_id, pair_hash;
