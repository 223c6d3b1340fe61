-- session_updates: what senders tell of sessions. A row is an update of one session, with all that is known
--   of it then; or sums over many sessions of one minute, as servers send (session_id is empty).
-- Written by: processors/sink.py, as traces (0001) is. Read by: clickhouse/errors/session_health.py.
-- Repeats: rows of one session. The one of the greatest (seq, timestamp, received_at) says what became of it;
--   so an update that comes again, or late, changes nothing. Sums add up.
-- Lives: until retention removes whole days by received_date.
-- ORDER BY: every query is bound to a project and to when sessions started. All updates of a session have
--   the same `started`, so a range has all of them or none.
-- No rollup: what became of a session is known by its last update alone, which no sum of blocks can tell.
-- session: session_id in 16 bytes, 0 for sums. person: 8 bytes of a hash of the project and the sender's
--   `did`, which is not stored; 0 where there is none. exited, errored, ...: of sums.
CREATE TABLE IF NOT EXISTS session_updates
(
    project_id LowCardinality(String),
    update_id String CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    session UInt128 MATERIALIZED reinterpretAsUInt128(unhex(session_id)) CODEC(ZSTD(1)),
    seq UInt64 CODEC(T64, ZSTD(1)),
    started DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date MATERIALIZED toDate(received_at),
    status LowCardinality(String),
    has_errors Bool,
    duration_s Nullable(Float64) CODEC(ZSTD(1)),
    release LowCardinality(String),
    environment LowCardinality(String),
    sdk LowCardinality(String),
    person UInt64 CODEC(ZSTD(1)),
    exited UInt32 CODEC(T64, LZ4),
    errored UInt32 CODEC(T64, LZ4),
    unhandled UInt32 CODEC(T64, LZ4),
    abnormal UInt32 CODEC(T64, LZ4),
    crashed UInt32 CODEC(T64, LZ4),
    log_id LowCardinality(String),
    log_partition UInt16,
    log_offset UInt64 CODEC(Delta, LZ4),
    INDEX by_update_id update_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, started, session)
SETTINGS non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 268435456,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
