-- cost_changes: what a reprice run has changed: one row per trace or span whose computed cost is another.
-- Written by: clickhouse/llm/reprice.py, a chunk of a run in one insert, whose token is the run and the
--   number of the chunk. Read by: the same, to set the costs of the rows themselves.
-- The views below feed the differences to the rollups, once for each token, as the rows of traces and
--   spans do. So a chunk that is repeated after a crash changes no sum a second time.
-- Repeats: none. A row that two runs change has a row of each.
-- Lives: as traces; received_date is that of the row, so that retention removes the same days here.
-- ORDER BY: a chunk is read as a whole.
-- unpriced is an unsigned sum, to which a difference below 0 is added modulo 2^64: the sums come out right.
CREATE TABLE IF NOT EXISTS cost_changes
(
    project_id LowCardinality(String),
    run_id LowCardinality(String),
    chunk UInt32,
    kind LowCardinality(String),
    item_id String CODEC(ZSTD(1)),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date,
    session_id String CODEC(ZSTD(1)),
    user_id LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    status LowCardinality(String),
    environment LowCardinality(String),
    source LowCardinality(String),
    span_kind LowCardinality(String),
    tool LowCardinality(String),
    reported_cost Nullable(Decimal(38, 12)),
    old_cost Nullable(Decimal(38, 12)),
    new_cost Nullable(Decimal(38, 12)),
    old_price_id LowCardinality(String),
    new_price_id LowCardinality(String)
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_date)
ORDER BY (project_id, run_id, chunk, kind, item_id)
SETTINGS non_replicated_deduplication_window = 10000,
    merge_selector_base = 8,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS trace_sums_changes TO trace_sums AS
SELECT
    project_id,
    if(grouping(hour) = 0, 'hour', 'day') AS grain,
    if(grouping(hour) = 0, hour, day) AS bucket,
    received_date,
    provider,
    model AS model_requested,
    status,
    environment,
    sum(ifNull(c.new_cost, 0) - ifNull(c.old_cost, 0)) AS computed_cost,
    sum(coalesce(c.reported_cost, c.new_cost, 0)
        - coalesce(c.reported_cost, c.old_cost, 0)) AS reported_first_cost,
    sum(coalesce(c.new_cost, c.reported_cost, 0)
        - coalesce(c.old_cost, c.reported_cost, 0)) AS computed_first_cost,
    countIf(c.reported_cost IS NULL AND c.new_cost IS NULL)
        - countIf(c.reported_cost IS NULL AND c.old_cost IS NULL) AS unpriced
FROM cost_changes AS c
WHERE kind = 'trace'
GROUP BY GROUPING SETS (
    (project_id, received_date, provider, model, status, environment,
        fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
            - positiveModulo(toUnixTimestamp64Micro(timestamp), 86400000000), 'UTC') AS day),
    (project_id, received_date, provider, model, status, environment,
        fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
            - positiveModulo(toUnixTimestamp64Micro(timestamp), 3600000000), 'UTC') AS hour)
);

CREATE MATERIALIZED VIEW IF NOT EXISTS session_sums_changes TO session_sums AS
SELECT
    project_id,
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
        - positiveModulo(toUnixTimestamp64Micro(timestamp), 3600000000), 'UTC') AS bucket,
    received_date,
    session_id,
    user_id,
    provider,
    model AS model_requested,
    status,
    environment,
    ifNull(c.new_cost, 0) - ifNull(c.old_cost, 0) AS computed_cost,
    coalesce(c.reported_cost, c.new_cost, 0)
        - coalesce(c.reported_cost, c.old_cost, 0) AS reported_first_cost,
    coalesce(c.new_cost, c.reported_cost, 0)
        - coalesce(c.old_cost, c.reported_cost, 0) AS computed_first_cost,
    toInt64(c.reported_cost IS NULL AND c.new_cost IS NULL)
        - toInt64(c.reported_cost IS NULL AND c.old_cost IS NULL) AS unpriced,
    if(session_id = '', 0, sipHash64(session_id)) AS session_hash
FROM cost_changes AS c
WHERE kind = 'trace';

CREATE MATERIALIZED VIEW IF NOT EXISTS spans_hourly_changes TO spans_hourly AS
SELECT
    project_id,
    fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
        - positiveModulo(toUnixTimestamp64Micro(timestamp), 3600000000), 'UTC') AS bucket,
    received_date,
    source,
    span_kind AS kind,
    status,
    tool,
    sum(ifNull(c.new_cost, 0) - ifNull(c.old_cost, 0)) AS computed_cost,
    sum(coalesce(c.reported_cost, c.new_cost, 0)
        - coalesce(c.reported_cost, c.old_cost, 0)) AS reported_first_cost,
    sum(coalesce(c.new_cost, c.reported_cost, 0)
        - coalesce(c.old_cost, c.reported_cost, 0)) AS computed_first_cost,
    countIf(c.reported_cost IS NULL AND c.new_cost IS NULL)
        - countIf(c.reported_cost IS NULL AND c.old_cost IS NULL) AS unpriced
FROM cost_changes AS c
WHERE c.kind = 'span'
GROUP BY project_id, bucket, received_date, source, span_kind, status, tool;
