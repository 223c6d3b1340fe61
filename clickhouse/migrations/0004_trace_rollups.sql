-- traces_hourly: sums and a latency sketch per hour of the traces' own time and per combination of
-- the columns that have few values.
-- Written by: the view below, with the block that enters traces (and dropped with it when the same
--   block comes again). Read by: clickhouse/queries/rollups.py; ragged ends of a range come from
--   traces, and both give the same numbers.
-- Repeats: rows of one key add up. Lives: as traces; received_date is in the key, so that retention
--   removes the same days here.
-- quantilesDD(0.01): within 1 % of the value at every quantile, and the same answer in whatever
--   order states meet. Measured on 10 M rows, 24,564 states: 7.5 MiB and 79 ms to merge them all
--   (t-digest 16.3 MiB, 93 ms, and its answer depends on the order).
-- Both orders of preference have their own cost sum: changing the setting rebuilds nothing.
CREATE TABLE IF NOT EXISTS traces_hourly
(
    project_id LowCardinality(String),
    bucket DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date,
    provider LowCardinality(String),
    model_requested LowCardinality(String),
    status LowCardinality(String),
    environment LowCardinality(String),
    requests SimpleAggregateFunction(sum, UInt64),
    errors SimpleAggregateFunction(sum, UInt64),
    input_tokens SimpleAggregateFunction(sum, UInt64),
    output_tokens SimpleAggregateFunction(sum, UInt64),
    cache_read_tokens SimpleAggregateFunction(sum, UInt64),
    cache_write_tokens SimpleAggregateFunction(sum, UInt64),
    reasoning_tokens SimpleAggregateFunction(sum, UInt64),
    reported_cost SimpleAggregateFunction(sum, Decimal(38, 12)),
    computed_cost SimpleAggregateFunction(sum, Decimal(38, 12)),
    reported_first_cost SimpleAggregateFunction(sum, Decimal(38, 12)),
    computed_first_cost SimpleAggregateFunction(sum, Decimal(38, 12)),
    unpriced SimpleAggregateFunction(sum, UInt64),
    latency_ns SimpleAggregateFunction(sum, UInt64),
    latency AggregateFunction(quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99), UInt64)
)
ENGINE = {replicated}AggregatingMergeTree
PARTITION BY toYYYYMM(received_date)
ORDER BY (project_id, bucket, provider, model_requested, status, environment, received_date)
SETTINGS non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS traces_hourly_feed TO traces_hourly AS
SELECT
    project_id,
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
        - positiveModulo(toUnixTimestamp64Micro(timestamp), 3600000000), 'UTC') AS bucket,
    toDate(received_at) AS received_date,
    provider,
    model_requested,
    status,
    environment,
    count() AS requests,
    countIf(status = 'error') AS errors,
    sum(ifNull(t.input_tokens, 0)) AS input_tokens,
    sum(ifNull(t.output_tokens, 0)) AS output_tokens,
    sum(ifNull(t.cache_read_tokens, 0)) AS cache_read_tokens,
    sum(ifNull(t.cache_write_tokens, 0)) AS cache_write_tokens,
    sum(ifNull(t.reasoning_tokens, 0)) AS reasoning_tokens,
    sum(ifNull(t.reported_cost, 0)) AS reported_cost,
    sum(ifNull(t.computed_cost, 0)) AS computed_cost,
    sum(coalesce(t.reported_cost, t.computed_cost, 0)) AS reported_first_cost,
    sum(coalesce(t.computed_cost, t.reported_cost, 0)) AS computed_first_cost,
    countIf(t.reported_cost IS NULL AND t.computed_cost IS NULL) AS unpriced,
    sum(t.latency_ns) AS latency_ns,
    quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)(t.latency_ns) AS latency
FROM traces AS t
GROUP BY project_id, bucket, received_date, provider, model_requested, status, environment;

-- traces_daily: traces_hourly by whole days: of a month, 1/24 of the sketches to merge.
CREATE TABLE IF NOT EXISTS traces_daily
(
    project_id LowCardinality(String),
    bucket DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date,
    provider LowCardinality(String),
    model_requested LowCardinality(String),
    status LowCardinality(String),
    environment LowCardinality(String),
    requests SimpleAggregateFunction(sum, UInt64),
    errors SimpleAggregateFunction(sum, UInt64),
    input_tokens SimpleAggregateFunction(sum, UInt64),
    output_tokens SimpleAggregateFunction(sum, UInt64),
    cache_read_tokens SimpleAggregateFunction(sum, UInt64),
    cache_write_tokens SimpleAggregateFunction(sum, UInt64),
    reasoning_tokens SimpleAggregateFunction(sum, UInt64),
    reported_cost SimpleAggregateFunction(sum, Decimal(38, 12)),
    computed_cost SimpleAggregateFunction(sum, Decimal(38, 12)),
    reported_first_cost SimpleAggregateFunction(sum, Decimal(38, 12)),
    computed_first_cost SimpleAggregateFunction(sum, Decimal(38, 12)),
    unpriced SimpleAggregateFunction(sum, UInt64),
    latency_ns SimpleAggregateFunction(sum, UInt64),
    latency AggregateFunction(quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99), UInt64)
)
ENGINE = {replicated}AggregatingMergeTree
PARTITION BY toYYYYMM(received_date)
ORDER BY (project_id, bucket, provider, model_requested, status, environment, received_date)
SETTINGS non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS traces_daily_feed TO traces_daily AS
SELECT
    project_id,
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
        - positiveModulo(toUnixTimestamp64Micro(timestamp), 86400000000), 'UTC') AS bucket,
    toDate(received_at) AS received_date,
    provider,
    model_requested,
    status,
    environment,
    count() AS requests,
    countIf(status = 'error') AS errors,
    sum(ifNull(t.input_tokens, 0)) AS input_tokens,
    sum(ifNull(t.output_tokens, 0)) AS output_tokens,
    sum(ifNull(t.cache_read_tokens, 0)) AS cache_read_tokens,
    sum(ifNull(t.cache_write_tokens, 0)) AS cache_write_tokens,
    sum(ifNull(t.reasoning_tokens, 0)) AS reasoning_tokens,
    sum(ifNull(t.reported_cost, 0)) AS reported_cost,
    sum(ifNull(t.computed_cost, 0)) AS computed_cost,
    sum(coalesce(t.reported_cost, t.computed_cost, 0)) AS reported_first_cost,
    sum(coalesce(t.computed_cost, t.reported_cost, 0)) AS computed_first_cost,
    countIf(t.reported_cost IS NULL AND t.computed_cost IS NULL) AS unpriced,
    sum(t.latency_ns) AS latency_ns,
    quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)(t.latency_ns) AS latency
FROM traces AS t
GROUP BY project_id, bucket, received_date, provider, model_requested, status, environment;

-- traces_sessions_hourly: the same sums per session and user as well: for distinct sessions, and for
-- grouping and filtering by user and session.
-- Written, read, repeated, living: as traces_hourly. 10 M traces in sessions of 20 make 2.2 M rows.
-- latencies: rows stand for a handful of traces each, so the plain values are smaller than a sketch.
-- session_hash: counting distinct 8-byte hashes takes a third of the time that texts take; with a
--   million sessions in the range the chance that any two collide is 3e-8. 0 for no session.
CREATE TABLE IF NOT EXISTS traces_sessions_hourly
(
    project_id LowCardinality(String),
    bucket DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date,
    session_id String CODEC(ZSTD(1)),
    user_id LowCardinality(String),
    provider LowCardinality(String),
    model_requested LowCardinality(String),
    status LowCardinality(String),
    environment LowCardinality(String),
    requests SimpleAggregateFunction(sum, UInt64),
    errors SimpleAggregateFunction(sum, UInt64),
    input_tokens SimpleAggregateFunction(sum, UInt64),
    output_tokens SimpleAggregateFunction(sum, UInt64),
    cache_read_tokens SimpleAggregateFunction(sum, UInt64),
    cache_write_tokens SimpleAggregateFunction(sum, UInt64),
    reasoning_tokens SimpleAggregateFunction(sum, UInt64),
    reported_cost SimpleAggregateFunction(sum, Decimal(38, 12)),
    computed_cost SimpleAggregateFunction(sum, Decimal(38, 12)),
    reported_first_cost SimpleAggregateFunction(sum, Decimal(38, 12)),
    computed_first_cost SimpleAggregateFunction(sum, Decimal(38, 12)),
    unpriced SimpleAggregateFunction(sum, UInt64),
    latency_ns SimpleAggregateFunction(sum, UInt64),
    session_hash SimpleAggregateFunction(any, UInt64),
    latencies SimpleAggregateFunction(groupArrayArray, Array(UInt64))
)
ENGINE = {replicated}AggregatingMergeTree
PARTITION BY toYYYYMM(received_date)
ORDER BY (project_id, bucket, session_id, user_id, provider, model_requested, status, environment,
    received_date)
SETTINGS non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS traces_sessions_hourly_feed TO traces_sessions_hourly AS
SELECT
    project_id,
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
        - positiveModulo(toUnixTimestamp64Micro(timestamp), 3600000000), 'UTC') AS bucket,
    toDate(received_at) AS received_date,
    session_id,
    user_id,
    provider,
    model_requested,
    status,
    environment,
    count() AS requests,
    countIf(status = 'error') AS errors,
    sum(ifNull(t.input_tokens, 0)) AS input_tokens,
    sum(ifNull(t.output_tokens, 0)) AS output_tokens,
    sum(ifNull(t.cache_read_tokens, 0)) AS cache_read_tokens,
    sum(ifNull(t.cache_write_tokens, 0)) AS cache_write_tokens,
    sum(ifNull(t.reasoning_tokens, 0)) AS reasoning_tokens,
    sum(ifNull(t.reported_cost, 0)) AS reported_cost,
    sum(ifNull(t.computed_cost, 0)) AS computed_cost,
    sum(coalesce(t.reported_cost, t.computed_cost, 0)) AS reported_first_cost,
    sum(coalesce(t.computed_cost, t.reported_cost, 0)) AS computed_first_cost,
    countIf(t.reported_cost IS NULL AND t.computed_cost IS NULL) AS unpriced,
    sum(t.latency_ns) AS latency_ns,
    any(if(t.session_id = '', 0, sipHash64(t.session_id))) AS session_hash,
    groupArray(t.latency_ns) AS latencies
FROM traces AS t
GROUP BY project_id, bucket, received_date, session_id, user_id, provider, model_requested, status,
    environment;
