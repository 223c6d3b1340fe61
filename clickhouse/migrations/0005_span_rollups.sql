-- spans_hourly: sums and a duration sketch per hour of the spans' own time, source, kind, status
-- and tool. Durations are those that spans carry; an end event that is measured over its pair is
-- added at read time, since its start may arrive later.
-- Written by: the view below, as trace_sums (0004). Read by: clickhouse/queries/span_analytics.py.
-- Repeats: rows of one key add up. Lives: as spans; received_date is in the key for retention.
CREATE TABLE IF NOT EXISTS spans_hourly
(
    project_id LowCardinality(String),
    bucket DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date,
    source LowCardinality(String),
    kind LowCardinality(String),
    status LowCardinality(String),
    tool LowCardinality(String),
    spans SimpleAggregateFunction(sum, UInt64),
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
    measured SimpleAggregateFunction(sum, UInt64),
    duration_ns SimpleAggregateFunction(sum, UInt64),
    duration AggregateFunction(quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99), UInt64)
)
ENGINE = {replicated}AggregatingMergeTree
PARTITION BY toYYYYMM(received_date)
ORDER BY (project_id, bucket, source, kind, status, tool, received_date)
SETTINGS non_replicated_deduplication_window = 10000,
    index_granularity = 512,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS spans_hourly_feed TO spans_hourly AS
SELECT
    project_id,
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
        - positiveModulo(toUnixTimestamp64Micro(timestamp), 3600000000), 'UTC') AS bucket,
    toDate(received_at) AS received_date,
    source,
    kind,
    status,
    ifNull(tool_name, '') AS tool,
    count() AS spans,
    sum(ifNull(s.input_tokens, 0)) AS input_tokens,
    sum(ifNull(s.output_tokens, 0)) AS output_tokens,
    sum(ifNull(s.cache_read_tokens, 0)) AS cache_read_tokens,
    sum(ifNull(s.cache_write_tokens, 0)) AS cache_write_tokens,
    sum(ifNull(s.reasoning_tokens, 0)) AS reasoning_tokens,
    sum(ifNull(s.reported_cost, 0)) AS reported_cost,
    sum(ifNull(s.computed_cost, 0)) AS computed_cost,
    sum(coalesce(s.reported_cost, s.computed_cost, 0)) AS reported_first_cost,
    sum(coalesce(s.computed_cost, s.reported_cost, 0)) AS computed_first_cost,
    countIf(s.reported_cost IS NULL AND s.computed_cost IS NULL) AS unpriced,
    countIf(s.duration_ms IS NOT NULL) AS measured,
    sum(toUInt64(round(ifNull(s.duration_ms, 0) * 1e6))) AS duration_ns,
    quantilesDDStateIf(0.01, 0.5, 0.9, 0.95, 0.99)(
        toUInt64(round(ifNull(s.duration_ms, 0) * 1e6)), s.duration_ms IS NOT NULL) AS duration
FROM spans AS s
GROUP BY project_id, bucket, received_date, source, kind, status, tool;
