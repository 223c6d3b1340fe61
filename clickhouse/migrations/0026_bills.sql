-- bill_marks: what `processors.otel.billing` needs of calls that OpenTelemetry told, and of the spans
--   that may lie between them: by the scope within which calls are billed.
-- Written by: the views below, with the blocks of traces and otel_spans, and with each change of a bill.
-- Read by: clickhouse/bills.py.
-- Repeats: a call has a row of version 0, and one of each change (bill_changes), whose `billing` holds
--   instead; its other columns are empty. A call whose scope is no trace has a second row, under the key
--   of its trace, that says which scope it is in. A span that is a call may have a row as a link too.
-- Lives: as otel_spans.
-- key: `trace:` and the id of a trace, or another scope. is_link: of a span, whether it is a call or not.
--   A span without a parent lies between no two, and is none.
-- ORDER BY: some hundred keys are looked up at a time, of calls first and of few of them links.
CREATE TABLE IF NOT EXISTS bill_marks
(
    project_id LowCardinality(String),
    is_link Bool,
    key String CODEC(ZSTD(1)),
    item_id String CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, LZ4),
    scope String CODEC(ZSTD(1)),
    parent_id String CODEC(ZSTD(1)),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    billing LowCardinality(String),
    role LowCardinality(String),
    is_record Bool,
    model String CODEC(ZSTD(1)),
    response_id String CODEC(ZSTD(1)),
    input_tokens Nullable(UInt64) CODEC(T64, LZ4),
    output_tokens Nullable(UInt64) CODEC(T64, LZ4),
    cache_read_tokens Nullable(UInt64) CODEC(T64, LZ4),
    cache_write_tokens Nullable(UInt64) CODEC(T64, LZ4),
    received_date Date
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_date)
ORDER BY (project_id, is_link, key, item_id, version)
SETTINGS non_replicated_deduplication_window = 10000,
    index_granularity = 1024,
    merge_selector_base = 8,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS bill_marks_of_calls TO bill_marks AS
SELECT
    project_id,
    false AS is_link,
    arrayJoin(if(t.span_id = '' OR startsWith(t.scope, 'trace:'), [t.scope],
        [t.scope, concat('trace:', left(t.trace_id, 32))])) AS key,
    t.trace_id AS item_id,
    0 AS version,
    t.scope AS scope,
    if(t.span_id = '' OR t.parent_span_id = '', '',
        concat(left(t.trace_id, 32), '-', t.parent_span_id)) AS parent_id,
    t.timestamp AS timestamp,
    t.billing AS billing,
    t.role AS role,
    t.span_id = '' AS is_record,
    coalesce(nullIf(t.model_used::Nullable(String), ''), t.model_requested::String) AS model,
    ifNull(t.provider_request_id, '') AS response_id,
    t.input_tokens AS input_tokens,
    t.output_tokens AS output_tokens,
    t.cache_read_tokens AS cache_read_tokens,
    t.cache_write_tokens AS cache_write_tokens,
    t.received_date AS received_date
FROM traces AS t
WHERE scope != '';

CREATE MATERIALIZED VIEW IF NOT EXISTS bill_marks_of_spans TO bill_marks AS
SELECT
    project_id,
    true AS is_link,
    concat('trace:', s.trace_id) AS key,
    s.item_id AS item_id,
    0 AS version,
    concat(s.trace_id, '-', s.parent_span_id) AS parent_id,
    s.timestamp AS timestamp,
    s.received_date AS received_date
FROM otel_spans AS s
WHERE parent_span_id != '';

-- bill_queue: which keys of bill_marks a record of the log brought something for.
-- Written by: the views below. Read by: clickhouse/bills.py, a range of offsets at a time.
-- Repeats: none. Lives: as otel_spans.
CREATE TABLE IF NOT EXISTS bill_queue
(
    log_id LowCardinality(String),
    log_partition UInt16,
    log_offset UInt64 CODEC(Delta, LZ4),
    project_id LowCardinality(String),
    key String CODEC(ZSTD(1)),
    received_date Date
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_date)
ORDER BY (log_id, log_partition, log_offset, project_id, key)
SETTINGS non_replicated_deduplication_window = 10000,
    index_granularity = 1024,
    merge_selector_base = 8,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS bill_queue_of_calls TO bill_queue AS
SELECT
    log_id,
    log_partition,
    log_offset,
    project_id,
    t.scope AS key,
    any(t.received_date) AS received_date
FROM traces AS t
WHERE scope != ''
GROUP BY log_id, log_partition, log_offset, project_id, key;

CREATE MATERIALIZED VIEW IF NOT EXISTS bill_queue_of_spans TO bill_queue AS
SELECT
    log_id,
    log_partition,
    log_offset,
    project_id,
    concat('trace:', s.trace_id) AS key,
    any(s.received_date) AS received_date
FROM otel_spans AS s
WHERE parent_span_id != ''
GROUP BY log_id, log_partition, log_offset, project_id, key;

-- bill_changes: that a call is billed no longer, or is now, or is not for another reason.
-- Written by: clickhouse/bills.py, a chunk in one insert, whose token is its number. Read by: the
--   same, to see what of a chunk is stored.
-- The views below feed the differences to the rollups, once for each token, as cost_changes (0010) does.
-- Repeats: none. A call whose verdict changes twice has two rows. Lives: as traces; received_date is that
--   of the call. ORDER BY: a chunk is read as a whole.
-- sign: 1 is billed now, -1 no longer. Sums below 0 are added modulo 2^64 or 2^128: they come out right.
--   Nothing is taken out of a sketch of latencies: see docs/otel-mapping.md.
CREATE TABLE IF NOT EXISTS bill_changes
(
    chunk UInt64 CODEC(Delta, LZ4),
    project_id LowCardinality(String),
    item_id String CODEC(ZSTD(1)),
    scope String CODEC(ZSTD(1)),
    sign Int8,
    old_billing LowCardinality(String),
    new_billing LowCardinality(String),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date,
    session_id String CODEC(ZSTD(1)),
    user_id LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    status LowCardinality(String),
    environment LowCardinality(String),
    input_tokens UInt64 CODEC(T64, LZ4),
    output_tokens UInt64 CODEC(T64, LZ4),
    cache_read_tokens UInt64 CODEC(T64, LZ4),
    cache_write_tokens UInt64 CODEC(T64, LZ4),
    reasoning_tokens UInt64 CODEC(T64, LZ4),
    reported_cost Nullable(Decimal(38, 12)),
    computed_cost Nullable(Decimal(38, 12)),
    latency_ns UInt64 CODEC(T64, LZ4)
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_date)
ORDER BY (chunk, project_id, item_id)
SETTINGS non_replicated_deduplication_window = 10000,
    merge_selector_base = 8,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS bill_marks_changes TO bill_marks AS
SELECT
    project_id,
    false AS is_link,
    c.scope AS key,
    c.item_id AS item_id,
    c.chunk AS version,
    c.scope AS scope,
    c.timestamp AS timestamp,
    c.new_billing AS billing,
    c.received_date AS received_date
FROM bill_changes AS c;

CREATE MATERIALIZED VIEW IF NOT EXISTS trace_sums_bills TO trace_sums AS
SELECT
    project_id,
    if(grouping(hour) = 0, 'hour', 'day') AS grain,
    if(grouping(hour) = 0, hour, day) AS bucket,
    received_date,
    provider,
    model AS model_requested,
    status,
    environment,
    toUInt64(sum(toInt64(c.sign))) AS requests,
    toUInt128(sum(c.sign * toInt128(c.input_tokens))) AS input_tokens,
    toUInt128(sum(c.sign * toInt128(c.output_tokens))) AS output_tokens,
    toUInt128(sum(c.sign * toInt128(c.cache_read_tokens))) AS cache_read_tokens,
    toUInt128(sum(c.sign * toInt128(c.cache_write_tokens))) AS cache_write_tokens,
    toUInt128(sum(c.sign * toInt128(c.reasoning_tokens))) AS reasoning_tokens,
    sum(c.sign * ifNull(c.reported_cost, 0)) AS reported_cost,
    sum(c.sign * ifNull(c.computed_cost, 0)) AS computed_cost,
    sum(c.sign * coalesce(c.reported_cost, c.computed_cost, 0)) AS reported_first_cost,
    sum(c.sign * coalesce(c.computed_cost, c.reported_cost, 0)) AS computed_first_cost,
    toUInt64(sum(toInt64(c.sign) * (c.reported_cost IS NULL AND c.computed_cost IS NULL))) AS unpriced,
    toUInt128(sum(c.sign * toInt128(c.latency_ns))) AS latency_ns
FROM bill_changes AS c
WHERE sign != 0
GROUP BY GROUPING SETS (
    (project_id, received_date, provider, model, status, environment,
        fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
            - positiveModulo(toUnixTimestamp64Micro(timestamp), 86400000000), 'UTC') AS day),
    (project_id, received_date, provider, model, status, environment,
        fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
            - positiveModulo(toUnixTimestamp64Micro(timestamp), 3600000000), 'UTC') AS hour)
);

CREATE MATERIALIZED VIEW IF NOT EXISTS session_sums_bills TO session_sums AS
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
    toUInt64(toInt64(c.sign)) AS requests,
    toUInt128(c.sign * toInt128(c.input_tokens)) AS input_tokens,
    toUInt128(c.sign * toInt128(c.output_tokens)) AS output_tokens,
    toUInt128(c.sign * toInt128(c.cache_read_tokens)) AS cache_read_tokens,
    toUInt128(c.sign * toInt128(c.cache_write_tokens)) AS cache_write_tokens,
    toUInt128(c.sign * toInt128(c.reasoning_tokens)) AS reasoning_tokens,
    c.sign * ifNull(c.reported_cost, 0) AS reported_cost,
    c.sign * ifNull(c.computed_cost, 0) AS computed_cost,
    c.sign * coalesce(c.reported_cost, c.computed_cost, 0) AS reported_first_cost,
    c.sign * coalesce(c.computed_cost, c.reported_cost, 0) AS computed_first_cost,
    toUInt64(toInt64(c.sign) * (c.reported_cost IS NULL AND c.computed_cost IS NULL)) AS unpriced,
    toUInt128(c.sign * toInt128(c.latency_ns)) AS latency_ns,
    if(session_id = '', 0, sipHash64(session_id)) AS session_hash
FROM bill_changes AS c
WHERE sign != 0;

-- cost_changes: billing of the call when its cost changed. Sums are of billed calls alone, so they change
--   by these alone. The views are made anew under their names, as in 0007. No insert may run meanwhile.
ALTER TABLE cost_changes ADD COLUMN IF NOT EXISTS billing LowCardinality(String);

DROP VIEW IF EXISTS trace_sums_changes SYNC;

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
WHERE kind = 'trace' AND billing = ''
GROUP BY GROUPING SETS (
    (project_id, received_date, provider, model, status, environment,
        fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
            - positiveModulo(toUnixTimestamp64Micro(timestamp), 86400000000), 'UTC') AS day),
    (project_id, received_date, provider, model, status, environment,
        fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
            - positiveModulo(toUnixTimestamp64Micro(timestamp), 3600000000), 'UTC') AS hour)
);

DROP VIEW IF EXISTS session_sums_changes SYNC;

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
WHERE kind = 'trace' AND billing = '';
