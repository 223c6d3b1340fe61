-- The sums of tokens and of nanoseconds get 128 bits: one item may bring 2^53 of the first and 10^16 of
-- the second, so that some 2,000 of them were enough to begin again at 0 within 64 bits. Money has
-- room as it is: 10^14 dollars an item, and 10^26 fit into Decimal(38, 12).
-- Written by: the views below. Read by: clickhouse/queries/rollups.py and span_analytics.py, which
--   widen the values of base rows before they add them up.
-- Repeats, lives: as 0004 and 0005 say. A row takes 8 bytes more for each sum, before compression.
-- The view of session_sums adds nothing up: its columns are widened as they are written.
-- The other views are made anew. After MODIFY QUERY they would go by other deduplication tokens until
--   the engine opens again (26.9), and a block repeated across that would count twice. A new view of
--   the same name goes by the tokens of the old one. No insert may run meanwhile: see operations.md.
ALTER TABLE trace_sums
    MODIFY COLUMN input_tokens SimpleAggregateFunction(sum, UInt128),
    MODIFY COLUMN output_tokens SimpleAggregateFunction(sum, UInt128),
    MODIFY COLUMN cache_read_tokens SimpleAggregateFunction(sum, UInt128),
    MODIFY COLUMN cache_write_tokens SimpleAggregateFunction(sum, UInt128),
    MODIFY COLUMN reasoning_tokens SimpleAggregateFunction(sum, UInt128),
    MODIFY COLUMN latency_ns SimpleAggregateFunction(sum, UInt128);

ALTER TABLE session_sums
    MODIFY COLUMN input_tokens SimpleAggregateFunction(sum, UInt128),
    MODIFY COLUMN output_tokens SimpleAggregateFunction(sum, UInt128),
    MODIFY COLUMN cache_read_tokens SimpleAggregateFunction(sum, UInt128),
    MODIFY COLUMN cache_write_tokens SimpleAggregateFunction(sum, UInt128),
    MODIFY COLUMN reasoning_tokens SimpleAggregateFunction(sum, UInt128),
    MODIFY COLUMN latency_ns SimpleAggregateFunction(sum, UInt128);

ALTER TABLE spans_hourly
    MODIFY COLUMN input_tokens SimpleAggregateFunction(sum, UInt128),
    MODIFY COLUMN output_tokens SimpleAggregateFunction(sum, UInt128),
    MODIFY COLUMN cache_read_tokens SimpleAggregateFunction(sum, UInt128),
    MODIFY COLUMN cache_write_tokens SimpleAggregateFunction(sum, UInt128),
    MODIFY COLUMN reasoning_tokens SimpleAggregateFunction(sum, UInt128),
    MODIFY COLUMN duration_ns SimpleAggregateFunction(sum, UInt128);

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
GROUP BY GROUPING SETS (
    (project_id, received_date, provider, model_requested, status, environment,
        fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
            - positiveModulo(toUnixTimestamp64Micro(timestamp), 86400000000), 'UTC') AS day),
    (project_id, received_date, provider, model_requested, status, environment,
        fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
            - positiveModulo(toUnixTimestamp64Micro(timestamp), 3600000000), 'UTC') AS hour)
);

DROP VIEW IF EXISTS spans_hourly_feed SYNC;

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
    sum(toUInt128(ifNull(s.input_tokens, 0))) AS input_tokens,
    sum(toUInt128(ifNull(s.output_tokens, 0))) AS output_tokens,
    sum(toUInt128(ifNull(s.cache_read_tokens, 0))) AS cache_read_tokens,
    sum(toUInt128(ifNull(s.cache_write_tokens, 0))) AS cache_write_tokens,
    sum(toUInt128(ifNull(s.reasoning_tokens, 0))) AS reasoning_tokens,
    sum(ifNull(s.reported_cost, 0)) AS reported_cost,
    sum(ifNull(s.computed_cost, 0)) AS computed_cost,
    sum(coalesce(s.reported_cost, s.computed_cost, 0)) AS reported_first_cost,
    sum(coalesce(s.computed_cost, s.reported_cost, 0)) AS computed_first_cost,
    countIf(s.reported_cost IS NULL AND s.computed_cost IS NULL) AS unpriced,
    countIf(s.duration_ms IS NOT NULL) AS measured,
    sum(toUInt128(round(ifNull(s.duration_ms, 0) * 1e6))) AS duration_ns,
    quantilesDDStateIf(0.01, 0.5, 0.9, 0.95, 0.99)(
        toUInt64(round(ifNull(s.duration_ms, 0) * 1e6)), s.duration_ms IS NOT NULL) AS duration
FROM spans AS s
GROUP BY project_id, bucket, received_date, source, kind, status, tool;
