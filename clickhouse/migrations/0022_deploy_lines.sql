-- deploy_lines: one row per line of the log of a deployment.
-- Written by: processors/sink.py, as traces (0001) is. Read by: clickhouse/deploys/lines.py.
-- Repeats: none. (project_id, line_id) is unique; line_id is made of deployment and seq, so seq is unique too.
-- Lives: until retention removes whole days by received_date.
-- ORDER BY: what is read are the lines of one deployment, in the order of seq. Rows of one deployment are
--   inserted in that order: its lines are in one partition of the log.
-- timestamp: when the line was printed. stream: stdout, stderr, or system for the deployer itself.
CREATE TABLE IF NOT EXISTS deploy_lines
(
    project_id LowCardinality(String),
    line_id String CODEC(ZSTD(1)),
    deployment_id LowCardinality(String),
    seq UInt32 CODEC(Delta, ZSTD(1)),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date MATERIALIZED toDate(received_at),
    level LowCardinality(String),
    stream LowCardinality(String),
    message String CODEC(ZSTD(1)),
    log_id LowCardinality(String),
    log_partition UInt16,
    log_offset UInt64 CODEC(Delta, LZ4),
    INDEX by_line_id line_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, deployment_id, seq)
SETTINGS non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 268435456,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
