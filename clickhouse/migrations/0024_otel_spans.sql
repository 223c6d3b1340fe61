-- otel_spans: one row per span of OpenTelemetry, whatever it is of.
-- Written by: processors/sink.py, as traces (0001) is. Read by: clickhouse/otel.
-- Repeats: none. item_id is trace_id-span_id. (project_id, item_id) is unique.
-- Lives: until retention removes whole days by received_date.
-- ORDER BY: every query is bound to a project and nearly every one to a time.
-- kind, convention: what sort of work it is, and whose conventions say so (docs/otel-mapping.md).
-- attributes, resource: each by its path, as in logs (0016). What holds messages is not among them:
--   input_messages and output_messages are the hashes of rows of messages, in their order.
-- What a span of an agent or a tool is beside, is a row of spans; a call of a model, one of traces.
-- tags, codecs, min_bytes_for_wide_part, log_*: as traces.
CREATE TABLE IF NOT EXISTS otel_spans
(
    project_id LowCardinality(String),
    item_id String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    parent_span_id String CODEC(ZSTD(1)),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date MATERIALIZED toDate(received_at),
    duration_ns UInt64 CODEC(T64, LZ4),
    name String CODEC(ZSTD(1)),
    span_kind LowCardinality(String),
    kind LowCardinality(String),
    convention LowCardinality(String),
    service LowCardinality(String),
    library LowCardinality(String),
    environment LowCardinality(String),
    release LowCardinality(String),
    host LowCardinality(String),
    status LowCardinality(String),
    status_message String CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    user_id LowCardinality(String),
    attributes JSON(max_dynamic_paths = 64, max_dynamic_types = 1) CODEC(ZSTD(1)),
    resource JSON(max_dynamic_paths = 32, max_dynamic_types = 1) CODEC(ZSTD(1)),
    events String CODEC(ZSTD(1)),
    links String CODEC(ZSTD(1)),
    trace_state String CODEC(ZSTD(1)),
    problems Array(String) CODEC(ZSTD(1)),
    input_messages Array(FixedString(16)) CODEC(ZSTD(1)),
    output_messages Array(FixedString(16)) CODEC(ZSTD(1)),
    log_id LowCardinality(String),
    log_partition UInt16,
    log_offset UInt64 CODEC(Delta, LZ4),
    INDEX by_item_id item_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_session_id session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, timestamp, item_id)
SETTINGS non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 268435456,
    merge_selector_base = 8,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- messages: what models were told and answered, each text once a day: an agent sends all of its
--   conversation again with each turn.
-- Written by: the sink, with the block of its span and before it. Read by: clickhouse/otel.
-- Repeats: rows of one (project_id, received_date, hash) become one when parts are merged, and at once
--   within a block: the first that was said stays, with the item that said it.
-- Lives: as otel_spans. A day has its own rows, so that its messages go with its spans.
-- hash: 16 bytes of BLAKE2b of body, which is a message as JSON (schemas/otel/meanings.py).
-- by_body: words, all small, as in logs (0016).
CREATE TABLE IF NOT EXISTS messages
(
    project_id LowCardinality(String),
    item_id String CODEC(ZSTD(1)),
    hash FixedString(16),
    role LowCardinality(String),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    age UInt64 MATERIALIZED toUInt64(9223372036854775807 - toUnixTimestamp64Micro(timestamp)) CODEC(Delta, ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date MATERIALIZED toDate(received_at),
    body String CODEC(ZSTD(1)),
    log_id LowCardinality(String),
    log_partition UInt16,
    log_offset UInt64 CODEC(Delta, LZ4),
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1,
    INDEX by_body lower(body) TYPE text(tokenizer = 'splitByNonAlpha')
)
ENGINE = {replicated}ReplacingMergeTree(age)
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, received_date, hash)
SETTINGS non_replicated_deduplication_window = 10000,
    index_granularity = 1024,
    min_bytes_for_wide_part = 268435456,
    merge_selector_base = 8,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- traces: calls that OpenTelemetry told are rows too. scope: within what a call is billed. billing: why it
--   is not, as `repeated`; empty where it is, so also of every call that came otherwise. Sums are of billed
--   calls alone. What their prices need beside the counts: usage_extras.
ALTER TABLE traces
    ADD COLUMN IF NOT EXISTS scope String CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS role LowCardinality(String),
    ADD COLUMN IF NOT EXISTS billing LowCardinality(String),
    ADD COLUMN IF NOT EXISTS span_id String CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS parent_span_id String CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS convention LowCardinality(String),
    ADD COLUMN IF NOT EXISTS service LowCardinality(String),
    ADD COLUMN IF NOT EXISTS first_token_ms Nullable(Float64) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS usage_extras String CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS input_messages Array(FixedString(16)) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS output_messages Array(FixedString(16)) CODEC(ZSTD(1)),
    ADD INDEX IF NOT EXISTS by_scope scope TYPE bloom_filter(0.01) GRANULARITY 1;

-- spans: agents and tools of OpenTelemetry are rows too.
ALTER TABLE spans
    ADD COLUMN IF NOT EXISTS trace_id String CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS convention LowCardinality(String),
    ADD COLUMN IF NOT EXISTS service LowCardinality(String);

-- The views are made anew under their names, as in 0007: they take billed calls alone. No insert may run
-- meanwhile: see operations.md.
DROP VIEW IF EXISTS trace_sums_feed SYNC;

CREATE MATERIALIZED VIEW IF NOT EXISTS trace_sums_feed TO trace_sums AS
SELECT
    project_id,
    if(grouping(hour) = 0, 'hour', 'day') AS grain,
    if(grouping(hour) = 0, hour, day) AS bucket,
    received_date,
    provider,
    model_requested,
    status,
    environment,
    count() AS requests,
    sum(toUInt128(ifNull(t.input_tokens, 0))) AS input_tokens,
    sum(toUInt128(ifNull(t.output_tokens, 0))) AS output_tokens,
    sum(toUInt128(ifNull(t.cache_read_tokens, 0))) AS cache_read_tokens,
    sum(toUInt128(ifNull(t.cache_write_tokens, 0))) AS cache_write_tokens,
    sum(toUInt128(ifNull(t.reasoning_tokens, 0))) AS reasoning_tokens,
    sum(ifNull(t.reported_cost, 0)) AS reported_cost,
    sum(ifNull(t.computed_cost, 0)) AS computed_cost,
    sum(coalesce(t.reported_cost, t.computed_cost, 0)) AS reported_first_cost,
    sum(coalesce(t.computed_cost, t.reported_cost, 0)) AS computed_first_cost,
    countIf(t.reported_cost IS NULL AND t.computed_cost IS NULL) AS unpriced,
    sum(toUInt128(t.latency_ns)) AS latency_ns,
    quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)(t.latency_ns) AS latency
FROM traces AS t
WHERE billing = ''
GROUP BY GROUPING SETS (
    (project_id, received_date, provider, model_requested, status, environment,
        fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
            - positiveModulo(toUnixTimestamp64Micro(timestamp), 86400000000), 'UTC') AS day),
    (project_id, received_date, provider, model_requested, status, environment,
        fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
            - positiveModulo(toUnixTimestamp64Micro(timestamp), 3600000000), 'UTC') AS hour)
);

DROP VIEW IF EXISTS session_sums_feed SYNC;

CREATE MATERIALIZED VIEW IF NOT EXISTS session_sums_feed TO session_sums AS
SELECT
    project_id,
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
        - positiveModulo(toUnixTimestamp64Micro(timestamp), 3600000000), 'UTC') AS bucket,
    received_date,
    session_id,
    user_id,
    provider,
    model_requested,
    status,
    environment,
    1 AS requests,
    ifNull(t.input_tokens, 0) AS input_tokens,
    ifNull(t.output_tokens, 0) AS output_tokens,
    ifNull(t.cache_read_tokens, 0) AS cache_read_tokens,
    ifNull(t.cache_write_tokens, 0) AS cache_write_tokens,
    ifNull(t.reasoning_tokens, 0) AS reasoning_tokens,
    ifNull(t.reported_cost, 0) AS reported_cost,
    ifNull(t.computed_cost, 0) AS computed_cost,
    coalesce(t.reported_cost, t.computed_cost, 0) AS reported_first_cost,
    coalesce(t.computed_cost, t.reported_cost, 0) AS computed_first_cost,
    t.reported_cost IS NULL AND t.computed_cost IS NULL AS unpriced,
    t.latency_ns AS latency_ns,
    t.session_hash AS session_hash
FROM traces AS t
WHERE billing = '';
