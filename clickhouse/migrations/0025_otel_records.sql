-- logs: records of OpenTelemetry are rows too. convention: whose conventions they follow
--   (docs/otel-mapping.md), `otel` for nobody's; empty of Sentry's. Records that are messages of a call
--   hold the hashes of rows of messages in their order, as otel_spans (0024).
ALTER TABLE logs
    ADD COLUMN IF NOT EXISTS convention LowCardinality(String),
    ADD COLUMN IF NOT EXISTS input_messages Array(FixedString(16)) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS output_messages Array(FixedString(16)) CODEC(ZSTD(1));

-- otel_metrics: one row per metric of one export: what its points share.
-- Written by: processors/sink.py, as traces (0001) is. Read by: clickhouse/otel.
-- Repeats: none. (project_id, item_id) is unique.
-- Lives: until retention removes whole days by received_date.
-- ORDER BY: every query is bound to a project and asks by name.
-- timestamp: of its last point.
-- codecs, min_bytes_for_wide_part, log_*: as traces.
CREATE TABLE IF NOT EXISTS otel_metrics
(
    project_id LowCardinality(String),
    item_id String CODEC(ZSTD(1)),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date MATERIALIZED toDate(received_at),
    name LowCardinality(String),
    description String CODEC(ZSTD(1)),
    unit LowCardinality(String),
    kind LowCardinality(String),
    temporality LowCardinality(String),
    is_monotonic Bool,
    points UInt32 CODEC(T64, LZ4),
    service LowCardinality(String),
    environment LowCardinality(String),
    host LowCardinality(String),
    library LowCardinality(String),
    resource JSON(max_dynamic_paths = 32, max_dynamic_types = 1) CODEC(ZSTD(1)),
    log_id LowCardinality(String),
    log_partition UInt16,
    log_offset UInt64 CODEC(Delta, LZ4),
    INDEX by_item_id item_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, name, timestamp, item_id)
SETTINGS non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 268435456,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- otel_points: one row per data point of a metric, with all that was sent.
-- Written by: the sink, with the row of its metric and before it. Read by: clickhouse/otel.
-- Repeats: none. number: of the point within its metric.
-- Lives: as otel_metrics.
-- series: a hash of all that makes points follow one another: name, kind, resource, library, attributes.
--   Of cumulative sums only the differences within a series mean something.
-- started: since when it counts, 1970 where nobody says. whole: the value, where it was sent as an integer.
-- bounds, counts: of a histogram. scale to negative_counts: of an exponential one. quantiles: of a summary.
-- exemplar_*: the exemplars, as arrays of one length.
-- measure, session_id, model, type: of a metric that repeats what spans say. It is never billed.
-- attributes: each by its path, as in logs (0016).
CREATE TABLE IF NOT EXISTS otel_points
(
    project_id LowCardinality(String),
    item_id String CODEC(ZSTD(1)),
    number UInt32 CODEC(T64, LZ4),
    series String CODEC(ZSTD(1)),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    started DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date MATERIALIZED toDate(received_at),
    name LowCardinality(String),
    unit LowCardinality(String),
    kind LowCardinality(String),
    temporality LowCardinality(String),
    is_monotonic Bool,
    service LowCardinality(String),
    environment LowCardinality(String),
    value Nullable(Float64) CODEC(ZSTD(1)),
    whole Nullable(Int64) CODEC(ZSTD(1)),
    count Nullable(UInt64) CODEC(ZSTD(1)),
    sum Nullable(Float64) CODEC(ZSTD(1)),
    min Nullable(Float64) CODEC(ZSTD(1)),
    max Nullable(Float64) CODEC(ZSTD(1)),
    bounds Array(Float64) CODEC(ZSTD(1)),
    counts Array(UInt64) CODEC(ZSTD(1)),
    scale Nullable(Int32) CODEC(ZSTD(1)),
    zero_count UInt64 CODEC(ZSTD(1)),
    zero_threshold Float64 CODEC(ZSTD(1)),
    positive_offset Int32 CODEC(ZSTD(1)),
    positive_counts Array(UInt64) CODEC(ZSTD(1)),
    negative_offset Int32 CODEC(ZSTD(1)),
    negative_counts Array(UInt64) CODEC(ZSTD(1)),
    quantiles Array(Float64) CODEC(ZSTD(1)),
    quantile_values Array(Float64) CODEC(ZSTD(1)),
    flags UInt32 CODEC(ZSTD(1)),
    exemplar_times Array(DateTime64(6, 'UTC')) CODEC(ZSTD(1)),
    exemplar_values Array(Float64) CODEC(ZSTD(1)),
    exemplar_trace_ids Array(String) CODEC(ZSTD(1)),
    exemplar_span_ids Array(String) CODEC(ZSTD(1)),
    exemplar_attributes Array(String) CODEC(ZSTD(1)),
    measure LowCardinality(String),
    session_id String CODEC(ZSTD(1)),
    user_id LowCardinality(String),
    model LowCardinality(String),
    type LowCardinality(String),
    attributes JSON(max_dynamic_paths = 64, max_dynamic_types = 1) CODEC(ZSTD(1)),
    log_id LowCardinality(String),
    log_partition UInt16,
    log_offset UInt64 CODEC(Delta, LZ4),
    INDEX by_item_id item_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_session_id session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, name, timestamp, series)
SETTINGS non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 268435456,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
