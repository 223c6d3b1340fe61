-- key_days: sums of the calls that came in on one day, by user, or by the values of one key of the metadata, which
--   `path` names as clickhouse/tags.py spells it; the empty path is users. Only days that are over, and only of
--   keys that people ask for (asked_keys).
-- Written by: clickhouse/llm/keep_days.py, from the rows of traces. Read by: clickhouse/llm/key_days.py.
-- Repeats: a day that changed (late calls, other prices) is built anew, under a greater `build`; the rows of the build
--   before are deleted. What has no seal is no build: it was broken off, and is deleted with the next.
-- grain: 'few' and 'many' are rows of sums; 'seal' adds up those of a build, with their number in `rows`. A build counts where its
--   seal says what trace_sums says of the day, and as many rows are there: else the calls themselves are read.
--   So nothing that changes calls has to know of this table. 'refused' stands for a day that has too many values.
-- Nothing is written when calls come in: a view with sketches would take 1 to 3 us of each call.
-- latency: a sketch, of rows of grain 'many', which stand for more than 64 calls. few: the latencies of the others, which
--   take less space, and of which percentiles are exact. They lie apart, since to read a sketch takes 3 us. sessions: hashes of the distinct sessions.
-- Lives: as traces; received_date is that of the calls. Whole projects leave it when a person is erased.
-- ORDER BY: a question reads one path of a project, and the sketches of few of its values or users.
CREATE TABLE IF NOT EXISTS key_days
(
    project_id LowCardinality(String),
    path LowCardinality(String),
    grain Enum8('few' = 1, 'many' = 2, 'seal' = 3, 'refused' = 4),
    received_date Date,
    build UInt64 CODEC(Delta, LZ4),
    bucket DateTime64(6, 'UTC') CODEC(Delta, LZ4),
    user_id String CODEC(ZSTD(1)),
    tag String CODEC(ZSTD(1)),
    provider LowCardinality(String),
    model_requested LowCardinality(String),
    status LowCardinality(String),
    environment LowCardinality(String),
    rows UInt64 CODEC(T64, LZ4),
    requests UInt64 CODEC(T64, LZ4),
    input_tokens UInt128,
    output_tokens UInt128,
    cache_read_tokens UInt128,
    cache_write_tokens UInt128,
    reasoning_tokens UInt128,
    reported_cost Decimal(38, 12),
    computed_cost Decimal(38, 12),
    reported_first_cost Decimal(38, 12),
    computed_first_cost Decimal(38, 12),
    unpriced UInt64 CODEC(T64, LZ4),
    latency_ns UInt128,
    latency AggregateFunction(quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99), UInt64),
    few Array(UInt64) CODEC(ZSTD(1)),
    sessions Array(UInt64) CODEC(LZ4)
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_date)
ORDER BY (project_id, path, grain, user_id, tag, bucket, provider, model_requested, status, environment,
    received_date, build)
SETTINGS index_granularity = 1024,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- asked_keys: which keys of the metadata people group and filter by; the empty path is users.
-- Written by: clickhouse/llm/key_days.py, once a day for each. Read by: the same, and clickhouse/kept_days.py.
-- Repeats: where two processes are asked first. Lives: 90 days at least, as clickhouse/retention.py says.
-- ORDER BY: a question looks for one.
CREATE TABLE IF NOT EXISTS asked_keys
(
    project_id LowCardinality(String),
    path String,
    received_date Date
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_date)
ORDER BY (project_id, path, received_date);
