-- check_days: per monitor and day of UTC, what became of checks and how long those took that passed, as a
--   histogram. It answers percentiles of long windows, also when the checks themselves are gone.
-- Written by: clickhouse/check_days.py, once the day is over, from the checks of the day as a whole; again
--   when checks of the day came late. Read by: clickhouse/uptime/latencies.py, and the dashboards of grafana/.
-- Repeats: a day that was built again has a newer row until merges take the older one: read it with FINAL. The
--   row that was made of more checks is the newer one, so that it does not matter who builds last.
-- Lives: as clickhouse/retention.py says for sums that outlive their rows; received_date is the day itself.
-- ORDER BY: the days of one monitor.
-- stored_rows: of table checks. buckets, counts: how many checks took about 1.02^bucket milliseconds; no bucket is
--   more than 1 % away from the times in it.
CREATE TABLE IF NOT EXISTS check_days
(
    project_id LowCardinality(String),
    monitor_id LowCardinality(String),
    day Date,
    received_date Date MATERIALIZED day,
    stored_rows UInt32,
    ok UInt32,
    degraded UInt32,
    failed UInt32,
    inconclusive UInt32,
    buckets Array(Int16) CODEC(ZSTD(1)),
    counts Array(UInt32) CODEC(ZSTD(1))
)
ENGINE = {replicated}ReplacingMergeTree(stored_rows)
PARTITION BY toYYYYMM(day)
ORDER BY (project_id, monitor_id, day)
SETTINGS fsync_after_insert = 1,
    fsync_part_directory = 1;

-- uptime_days: per monitor and day of UTC, how the day divides by the state of the monitor, for dashboards that
--   read the store and not the control plane.
-- Written by: clickhouse/uptime_days.py, from the changes of state that the control plane keeps: today and
--   yesterday every few minutes, older days when they have changed. Read by: the dashboards of grafana/.
-- Repeats: a day that was written again has a newer row until merges take the older one: read it with FINAL.
-- Lives: as check_days.
-- ORDER BY: the days of one monitor.
-- *_us: microseconds, together the length of the day; of today until noted_at. name, target_ppm (promised uptime
--   in millionths): of the monitor when the row was written. state: the same of today, empty of days before.
CREATE TABLE IF NOT EXISTS uptime_days
(
    project_id LowCardinality(String),
    monitor_id LowCardinality(String),
    day Date,
    received_date Date MATERIALIZED day,
    name String CODEC(ZSTD(1)),
    state LowCardinality(String),
    target_ppm UInt32,
    up_us UInt64,
    degraded_us UInt64,
    down_us UInt64,
    unknown_us UInt64,
    maintenance_us UInt64,
    paused_us UInt64,
    voided_us UInt64,
    before_us UInt64,
    outages UInt32,
    noted_at DateTime64(6, 'UTC')
)
ENGINE = {replicated}ReplacingMergeTree(noted_at)
PARTITION BY toYYYYMM(day)
ORDER BY (project_id, monitor_id, day)
SETTINGS fsync_after_insert = 1,
    fsync_part_directory = 1;
