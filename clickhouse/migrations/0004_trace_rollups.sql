-- trace_sums: sums and a latency sketch per hour and per day of the traces' own time and per
-- combination of the columns that have few values. A row of grain 'hour' and one of grain 'day' count
-- the same traces: every query names the grain.
-- Written by: the view below, with the block that enters traces (and dropped with it when the same
--   block comes again). Read by: clickhouse/queries/rollups.py; ragged ends of a range come from
--   traces, and both give the same numbers.
-- Repeats: rows of one key add up. Lives: as traces; received_date is in the key, so that retention
--   removes the same days here.
-- Days have 1/24 of a month's sketches to merge, which takes two fifths off an analysis of 10 M traces
--   (model: 320 ms of CPU against 510 from hours alone). Both grains in one table make one part a
--   block and one view, whose planning alone costs an insert 5 ms however few its rows are. Sessions
--   have a table of their own: with a sketch in each of their rows merges took half as long again.
-- index_granularity: a small part is read by whole granules, and reading a sketch takes 3 us.
-- quantilesDD(0.01): within 1 % of the value at every quantile, and the same answer in whatever
--   order states meet. Measured on 10 M rows, 24,564 states: 7.5 MiB and 79 ms to merge them all
--   (t-digest 16.3 MiB, 93 ms, and its answer depends on the order).
-- Both orders of preference have their own cost sum: changing the setting rebuilds nothing.
-- Errors are the requests of status 'error', which is in the key.
CREATE TABLE IF NOT EXISTS trace_sums
(
    project_id LowCardinality(String),
    grain Enum8('day' = 1, 'hour' = 2),
    bucket DateTime64(6, 'UTC') CODEC(Delta, LZ4),
    received_date Date,
    provider LowCardinality(String),
    model_requested LowCardinality(String),
    status LowCardinality(String),
    environment LowCardinality(String),
    requests SimpleAggregateFunction(sum, UInt64),
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
ORDER BY (project_id, grain, bucket, provider, model_requested, status, environment, received_date)
SETTINGS non_replicated_deduplication_window = 10000,
    index_granularity = 512,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

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
GROUP BY GROUPING SETS (
    (project_id, received_date, provider, model_requested, status, environment,
        fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
            - positiveModulo(toUnixTimestamp64Micro(timestamp), 86400000000), 'UTC') AS day),
    (project_id, received_date, provider, model_requested, status, environment,
        fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
            - positiveModulo(toUnixTimestamp64Micro(timestamp), 3600000000), 'UTC') AS hour)
);

-- session_sums: the same sums per hour (`bucket` lies within it), session and user as well: for
-- distinct sessions, and for grouping and filtering by user and session.
-- Written, read, repeated, living: as trace_sums. 10 M traces in sessions of 20 make 2.2 M rows.
-- The view does not group: rows of one key in a block are few, and the engine adds them up as it
--   merges parts (optimize_on_insert is off: it costs a block of 10,000 rows a tenth).
-- latencies: rows stand for a handful of traces each, so the plain values are smaller than a sketch.
-- Where they do not (traces without a session, one session id for everything) a row must still have
--   a bound: 36 M values in one row cost a merge 6 s and 1.5 GB. What a block holds more than 50 traces
--   of is kept apart by the minute of the day of arrival, in the microseconds of `bucket`, which every
--   reader rounds down. By arrival, since senders write `timestamp` as they like. So a row holds one
--   minute's arrivals (1.2 M values at 20,000/s, 10 MB), or 50 values from each block of a day that
--   brings traces of its hour (5 blocks a second for an hour: 0.9 M).
-- Measured for 10 M traces: rows by hour alone 2.2 M, by minute 9.1 M, by minute where there is no
--   session 2.3 M, and with a bound for sessions neither. Counting within the block makes no more rows
--   where rows are small, and costs an insert 0.3 us a trace.
CREATE TABLE IF NOT EXISTS session_sums
(
    project_id LowCardinality(String),
    bucket DateTime64(6, 'UTC') CODEC(Delta, LZ4),
    received_date Date,
    session_id String CODEC(ZSTD(1)),
    user_id LowCardinality(String),
    provider LowCardinality(String),
    model_requested LowCardinality(String),
    status LowCardinality(String),
    environment LowCardinality(String),
    requests SimpleAggregateFunction(sum, UInt64),
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

CREATE MATERIALIZED VIEW IF NOT EXISTS session_sums_feed TO session_sums AS
SELECT
    project_id,
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
        - positiveModulo(toUnixTimestamp64Micro(timestamp), 3600000000)
        + if(count() OVER (PARTITION BY sipHash64(project_id, session_hash, user_id, provider,
                model_requested, status, environment)) > 50,
            intDiv(positiveModulo(toUnixTimestamp64Micro(received_at), 86400000000), 60000000),
            0), 'UTC') AS bucket,
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
    t.session_hash AS session_hash,
    [t.latency_ns] AS latencies
FROM traces AS t;
