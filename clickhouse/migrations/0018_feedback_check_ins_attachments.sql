-- feedback: one row per thing that a person has said, of an error or of the application.
-- Written by: processors/sink.py, as traces (0001) is. Read by: clickhouse/errors/feedback.py.
-- Repeats: none. (project_id, event_id) is unique.
-- Lives: until retention removes whole days by received_date.
-- ORDER BY: every list is of a project, newest first.
-- event_id: of the feedback itself. associated_event_id: the error that it is about; empty where none is.
-- source: what it came as, feedback or user_report.
-- body: the whole event as JSON (schemas/errors/event.py), personal data masked. Lists never read it.
-- tags, codecs, min_bytes_for_wide_part, log_*, user_key: as errors (0013).
CREATE TABLE IF NOT EXISTS feedback
(
    project_id LowCardinality(String),
    event_id String CODEC(ZSTD(1)),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date MATERIALIZED toDate(received_at),
    message String CODEC(ZSTD(1)),
    name String CODEC(ZSTD(1)),
    email String CODEC(ZSTD(1)),
    url String CODEC(ZSTD(1)),
    associated_event_id String CODEC(ZSTD(1)),
    replay_id String CODEC(ZSTD(1)),
    source LowCardinality(String),
    environment LowCardinality(String),
    release LowCardinality(String),
    platform LowCardinality(String),
    sdk LowCardinality(String),
    user_key String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    tags JSON(max_dynamic_paths = 32, max_dynamic_types = 1) CODEC(ZSTD(1)),
    body String CODEC(ZSTD(1)),
    log_id LowCardinality(String),
    log_partition UInt16,
    log_offset UInt64 CODEC(Delta, LZ4),
    INDEX by_event_id event_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_associated_event_id associated_event_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, timestamp, event_id)
SETTINGS non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 268435456,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- check_ins: one row per thing that a scheduled job has said of one of its runs: it has begun, it has ended.
-- Written by: processors/sink.py. Read by: clickhouse/errors/check_ins.py.
-- Repeats: none of (project_id, update_id). A run has several rows, all with its check_in_id. An end counts
--   more than a beginning, and of two ends the newer one: whoever reads asks for runs, not for rows.
-- Lives: until retention removes whole days by received_date.
-- ORDER BY: what is read are the runs of one monitor, or the last ones of all.
-- update_id: made by the edge. check_in_id: the sender's, of a run; else update_id.
-- timestamp: when it came, for jobs send no time. duration_ns: as the job says; NULL where it does not.
-- monitor_config: the schedule and what goes with it, as JSON; empty where the job sent none.
CREATE TABLE IF NOT EXISTS check_ins
(
    project_id LowCardinality(String),
    update_id String CODEC(ZSTD(1)),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date MATERIALIZED toDate(received_at),
    check_in_id String CODEC(ZSTD(1)),
    monitor_slug LowCardinality(String),
    status LowCardinality(String),
    duration_ns Nullable(UInt64) CODEC(ZSTD(1)),
    environment LowCardinality(String),
    release LowCardinality(String),
    sdk LowCardinality(String),
    trace_id String CODEC(ZSTD(1)),
    monitor_config String CODEC(ZSTD(1)),
    log_id LowCardinality(String),
    log_partition UInt16,
    log_offset UInt64 CODEC(Delta, LZ4),
    INDEX by_update_id update_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_check_in_id check_in_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, monitor_slug, environment, timestamp, update_id)
SETTINGS non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 268435456,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- attachments: one row per file that came with an event: a log, a picture of the screen, a minidump.
-- Written by: processors/sink.py. Read by: clickhouse/errors/attachments.py.
-- Repeats: none. (project_id, attachment_id) is unique.
-- Lives: until retention removes whole days by received_date.
-- ORDER BY: what is asked is which files an event has.
-- attachment_id: made by the edge of the event, the name, the type and the bytes.
-- content_type: what the sender says. picture: what the bytes are, png, jpeg, gif or webp; else empty.
-- body: the bytes. They are read for a download alone, and nothing in them is masked.
CREATE TABLE IF NOT EXISTS attachments
(
    project_id LowCardinality(String),
    attachment_id String CODEC(ZSTD(1)),
    event_id String CODEC(ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date MATERIALIZED toDate(received_at),
    name String CODEC(ZSTD(1)),
    content_type LowCardinality(String),
    type LowCardinality(String),
    picture LowCardinality(String),
    size UInt64 CODEC(T64, LZ4),
    sha256 String CODEC(ZSTD(1)),
    body String CODEC(ZSTD(3)),
    log_id LowCardinality(String),
    log_partition UInt16,
    log_offset UInt64 CODEC(Delta, LZ4),
    INDEX by_attachment_id attachment_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, event_id, attachment_id)
SETTINGS non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
