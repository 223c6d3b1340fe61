-- logs: one row per log record.
-- Written by: processors/sink.py, as traces (0001) is. Read by: clickhouse/errors.
-- Repeats: none. (project_id, record_id) is unique.
-- Lives: until retention removes whole days by received_date.
-- ORDER BY: every query is bound to a project and a time, and is shown by time.
-- sequence: the order of records of one moment, where the sender gives it.
-- observed_at: when the sender's library or collector saw it, else when it came.
-- severity: the number of OpenTelemetry, 1 to 24; 0 where nobody says. severity_text: the sender's word.
-- attributes: each by its path, as clickhouse/log_attributes.py spells it: values are texts that begin with
--   the sort of the value. All attributes are there, also those that have a column of their own.
-- problems: what was cut or left out of the record.
-- by_body: words, all small. With short bodies it takes as much as the rest, and finds a word in a tenth of the
--   time. Texts within words are looked for in `body`.
-- tags, codecs, min_bytes_for_wide_part, log_*, user_key: as errors.
CREATE TABLE IF NOT EXISTS logs
(
    project_id LowCardinality(String),
    record_id String CODEC(ZSTD(1)),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    sequence UInt32 CODEC(ZSTD(1)),
    observed_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date MATERIALIZED toDate(received_at),
    severity UInt8 CODEC(ZSTD(1)),
    severity_text LowCardinality(String),
    body String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    logger LowCardinality(String),
    environment LowCardinality(String),
    release LowCardinality(String),
    service LowCardinality(String),
    server_name LowCardinality(String),
    platform LowCardinality(String),
    sdk LowCardinality(String),
    user_key String CODEC(ZSTD(1)),
    attributes JSON(max_dynamic_paths = 64, max_dynamic_types = 1) CODEC(ZSTD(1)),
    problems Array(String) CODEC(ZSTD(1)),
    log_id LowCardinality(String),
    log_partition UInt16,
    log_offset UInt64 CODEC(Delta, LZ4),
    INDEX by_record_id record_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1,
    INDEX by_body lower(body) TYPE text(tokenizer = 'splitByNonAlpha')
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, timestamp, sequence, record_id)
SETTINGS non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 268435456,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
