-- errors: one row per error event.
-- Written by: processors/sink.py, as traces (0001) is. Read by: clickhouse/errors.
-- Repeats: none. (project_id, event_id) is unique.
-- Lives: until retention removes whole days by received_date.
-- ORDER BY: what is read most is one issue, newest first; an issue is a few fingerprints. What is asked
--   of a whole project is in error_hours.
-- fingerprint: what the event is grouped by. It never changes; which issue it belongs to is a row of the
--   control plane, so that issues are merged without rewriting a row. group_hash: the same in 8 bytes.
-- other_fingerprints: what other versions of grouping make of the event, so that a change of the version
--   finds the issue that is known already.
-- user_key: what people are counted by: the first that is known of id, email, name, address.
-- body: the whole event as JSON (schemas/errors/event.py), personal data masked. Lists never read it.
-- tags, codecs, min_bytes_for_wide_part, log_*: as traces.
CREATE TABLE IF NOT EXISTS errors
(
    project_id LowCardinality(String),
    event_id String CODEC(ZSTD(1)),
    fingerprint String CODEC(ZSTD(1)),
    group_hash UInt64 MATERIALIZED sipHash64(fingerprint) CODEC(ZSTD(1)),
    other_fingerprints Array(String) CODEC(ZSTD(1)),
    grouping LowCardinality(String),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date MATERIALIZED toDate(received_at),
    level LowCardinality(String),
    type String CODEC(ZSTD(1)),
    title String CODEC(ZSTD(1)),
    culprit String CODEC(ZSTD(1)),
    handled Nullable(Bool) CODEC(ZSTD(1)),
    platform LowCardinality(String),
    logger LowCardinality(String),
    environment LowCardinality(String),
    release LowCardinality(String),
    dist LowCardinality(String),
    transaction String CODEC(ZSTD(1)),
    server_name LowCardinality(String),
    sdk LowCardinality(String),
    user_key String CODEC(ZSTD(1)),
    user_hash UInt64 MATERIALIZED if(user_key = '', 0, sipHash64(user_key)) CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    tags JSON(max_dynamic_paths = 32, max_dynamic_types = 1) CODEC(ZSTD(1)),
    body String CODEC(ZSTD(1)),
    log_id LowCardinality(String),
    log_partition UInt16,
    log_offset UInt64 CODEC(Delta, LZ4),
    INDEX by_event_id event_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_timestamp timestamp TYPE minmax GRANULARITY 1,
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, group_hash, timestamp, event_id)
SETTINGS non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 268435456,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- error_hours: events and people per fingerprint and hour of the events' own time.
-- Written by: the view below, with the block that enters errors (and dropped with it when the same block
--   comes again). Read by: clickhouse/errors: lists of issues, their courses and totals.
-- Repeats: rows of one key add up. Lives: as errors; received_date is in the key, so that retention
--   removes the same days here.
-- people: exact, of 8-byte hashes. An issue that a million people meet in an hour takes 8 MB there; the
--   rows that tell of them take 500 MB.
CREATE TABLE IF NOT EXISTS error_hours
(
    project_id LowCardinality(String),
    group_hash UInt64 CODEC(ZSTD(1)),
    hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
    received_date Date,
    environment LowCardinality(String),
    release LowCardinality(String),
    level LowCardinality(String),
    events SimpleAggregateFunction(sum, UInt64),
    unhandled SimpleAggregateFunction(sum, UInt64),
    people AggregateFunction(uniqExact, UInt64),
    first_seen SimpleAggregateFunction(min, DateTime64(6, 'UTC')),
    last_seen SimpleAggregateFunction(max, DateTime64(6, 'UTC'))
)
ENGINE = {replicated}AggregatingMergeTree
PARTITION BY toYYYYMM(received_date)
ORDER BY (project_id, group_hash, hour, environment, release, level, received_date)
SETTINGS non_replicated_deduplication_window = 10000,
    index_granularity = 1024,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS error_hours_feed TO error_hours AS
SELECT
    e.project_id AS project_id,
    e.group_hash AS group_hash,
    toStartOfHour(e.timestamp) AS hour,
    e.received_date AS received_date,
    e.environment AS environment,
    e.release AS release,
    e.level AS level,
    count() AS events,
    countIf(e.handled = false) AS unhandled,
    uniqExactStateIf(e.user_hash, e.user_key != '') AS people,
    min(e.timestamp) AS first_seen,
    max(e.timestamp) AS last_seen
FROM errors AS e
GROUP BY project_id, group_hash, hour, received_date, environment, release, level;
