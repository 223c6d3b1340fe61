-- transaction_days: the sums and the sketch of transaction_hours (0014), per day of UTC. Merging sketches
--   is what a query of many hours takes its time for: 2 us each. A month of 200 names in 2 environments
--   has 290,000 of hours, and 12,000 of days.
-- Written by: the view below. Read by: clickhouse/errors/transaction_sums.py.
-- Repeats: rows of one key add up. Lives: as transactions; received_date is in the key.
-- first_hour: of the releases, when they were seen first.
-- It begins with this migration: both came with the same version, so there are no days before.
CREATE TABLE IF NOT EXISTS transaction_days
(
    project_id LowCardinality(String),
    day DateTime('UTC') CODEC(Delta, ZSTD(1)),
    received_date Date,
    name String CODEC(ZSTD(1)),
    op LowCardinality(String),
    environment LowCardinality(String),
    release LowCardinality(String),
    first_hour SimpleAggregateFunction(min, DateTime('UTC')),
    count SimpleAggregateFunction(sum, UInt64),
    failed SimpleAggregateFunction(sum, UInt64),
    satisfied SimpleAggregateFunction(sum, UInt64),
    tolerated SimpleAggregateFunction(sum, UInt64),
    duration_ns SimpleAggregateFunction(sum, UInt128),
    duration AggregateFunction(quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99), UInt64)
)
ENGINE = {replicated}AggregatingMergeTree
PARTITION BY toYYYYMM(received_date)
ORDER BY (project_id, day, name, op, environment, release, received_date)
SETTINGS non_replicated_deduplication_window = 10000,
    index_granularity = 512,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS transaction_days_feed TO transaction_days AS
SELECT
    t.project_id AS project_id,
    toDateTime(toStartOfDay(t.timestamp, 'UTC'), 'UTC') AS day,
    t.received_date AS received_date,
    t.name AS name,
    t.op AS op,
    t.environment AS environment,
    t.release AS release,
    min(toStartOfHour(t.timestamp)) AS first_hour,
    count() AS count,
    countIf(t.failed) AS failed,
    countIf(NOT t.failed AND t.duration_ns <= 300000000) AS satisfied,
    countIf(NOT t.failed AND t.duration_ns > 300000000 AND t.duration_ns <= 1200000000) AS tolerated,
    sum(toUInt128(t.duration_ns)) AS duration_ns,
    quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)(t.duration_ns) AS duration
FROM transactions AS t
GROUP BY project_id, day, received_date, name, op, environment, release;
