-- checks: one row per look at a monitor from one region.
-- Written by: processors/sink.py, as traces (0001) is. Read by: clickhouse/uptime/checks.py.
-- Repeats: none. (project_id, check_id) is unique; check_id is a hash of monitor, region, slot and attempt.
-- Lives: until retention removes whole days by received_date. States and uptime are the control plane's, and
--   live on.
-- ORDER BY: what is read are the checks of one monitor, in the order of their slots.
-- slot: when the check was due, which is what it counts for; started: when it began. attempt: 0, or which
--   look again at the same slot. revision: of the monitor's configuration that it was made by.
-- *_ms: NULL for what did not take place. certificate: JSON, empty where none was shown.
CREATE TABLE IF NOT EXISTS checks
(
    project_id LowCardinality(String),
    check_id String CODEC(ZSTD(1)),
    monitor_id LowCardinality(String),
    region LowCardinality(String),
    slot DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    attempt UInt8 CODEC(T64, LZ4),
    started DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date MATERIALIZED toDate(received_at),
    revision UInt32 CODEC(T64, LZ4),
    outcome LowCardinality(String),
    reason LowCardinality(String),
    message String CODEC(ZSTD(1)),
    dns_ms Nullable(Float32) CODEC(ZSTD(1)),
    connect_ms Nullable(Float32) CODEC(ZSTD(1)),
    tls_ms Nullable(Float32) CODEC(ZSTD(1)),
    first_byte_ms Nullable(Float32) CODEC(ZSTD(1)),
    transfer_ms Nullable(Float32) CODEC(ZSTD(1)),
    total_ms Float32 CODEC(ZSTD(1)),
    status_code Nullable(UInt16) CODEC(ZSTD(1)),
    peer LowCardinality(String),
    expires_at Nullable(DateTime64(6, 'UTC')) CODEC(ZSTD(1)),
    certificate String CODEC(ZSTD(1)),
    log_id LowCardinality(String),
    log_partition UInt16,
    log_offset UInt64 CODEC(Delta, LZ4),
    INDEX by_check_id check_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, monitor_id, slot, region, attempt)
SETTINGS non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 268435456,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
