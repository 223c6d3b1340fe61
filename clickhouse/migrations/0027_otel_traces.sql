-- otel_traces: what each trace of OpenTelemetry has, per hour of its spans' own time. Most have one row.
-- Written by: the view below, with the block that enters otel_spans (0024). Read by: clickhouse/otel: the list of
--   traces, and when a trace was.
-- Repeats: rows of one key add up. Lives: as otel_spans; received_date is in the key.
-- ORDER BY: a list is newest first. by_trace_id: one trace is asked for without its time.
-- services: the first 32. root: the earliest span without a parent, or else the earliest span: whether it has a
--   parent, when it began, its name and its service. fault: the first span that failed: when, its service, its
--   id; of a trace without one, a moment of the year 2299. other_ids: what Pulse's SDKs call the trace, where
--   that is another id.
CREATE TABLE IF NOT EXISTS otel_traces
(
    project_id LowCardinality(String),
    hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    received_date Date,
    started SimpleAggregateFunction(min, DateTime64(6, 'UTC')),
    ended SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
    spans SimpleAggregateFunction(sum, UInt64),
    errors SimpleAggregateFunction(sum, UInt64),
    session_id SimpleAggregateFunction(max, String),
    source SimpleAggregateFunction(max, String),
    services SimpleAggregateFunction(groupUniqArrayArray(32), Array(String)),
    root SimpleAggregateFunction(min, Tuple(has_parent UInt8, at DateTime64(6, 'UTC'), name String, service String)),
    fault SimpleAggregateFunction(min, Tuple(at DateTime64(6, 'UTC'), service String, span_id String)),
    other_ids SimpleAggregateFunction(groupUniqArrayArray(4), Array(String)),
    INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_other_id other_ids TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {replicated}AggregatingMergeTree
PARTITION BY toYYYYMM(received_date)
ORDER BY (project_id, hour, trace_id, received_date)
SETTINGS non_replicated_deduplication_window = 10000,
    index_granularity = 1024,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_traces_feed TO otel_traces AS
SELECT
    s.project_id AS project_id,
    toStartOfHour(s.timestamp) AS hour,
    s.trace_id AS trace_id,
    s.received_date AS received_date,
    min(s.timestamp) AS started,
    max(s.timestamp + toIntervalMicrosecond(least(intDiv(s.duration_ns, 1000), 2592000000000))) AS ended,
    count() AS spans,
    countIf(s.status = 'error') AS errors,
    max(s.session_id) AS session_id,
    max(if(s.convention = '', '', ifNull(nullIf(substring(
        ifNull(s.attributes.`pulse=2Esource`.:String, ''), 2), ''), s.convention::String))) AS source,
    groupUniqArrayArray(32)(if(s.service = '', [], [s.service::String])) AS services,
    min((
        toUInt8(s.parent_span_id != ''),
        s.timestamp,
        substringUTF8(s.name, 1, 300),
        s.service::String
    )::Tuple(has_parent UInt8, at DateTime64(6, 'UTC'), name String, service String)) AS root,
    min((
        if(s.status = 'error', s.timestamp, toDateTime64('2299-01-01 00:00:00', 6, 'UTC')),
        if(s.status = 'error', s.service::String, ''),
        if(s.status = 'error', s.span_id, '')
    )::Tuple(at DateTime64(6, 'UTC'), service String, span_id String)) AS fault,
    groupUniqArrayArray(4)(if(length(s.attributes.`pulse=2Etrace_id`.:String) > 1
            AND substring(s.attributes.`pulse=2Etrace_id`.:String, 2) != s.trace_id,
        [substring(ifNull(s.attributes.`pulse=2Etrace_id`.:String, ''), 2, 64)], [])) AS other_ids
FROM otel_spans AS s
GROUP BY project_id, hour, trace_id, received_date;

-- otel_service_hours: how many spans each service had of each name, how many failed and how long they took, per
--   hour of the spans' own time.
-- Written by: the view below. Read by: clickhouse/otel/services.py.
-- Repeats: rows of one key add up. Lives: as otel_spans; received_date is in the key.
-- is_entry: requests that the service was asked: servers and consumers, and what has no parent.
-- duration: quantilesDD, as trace_sums (0004) says.
CREATE TABLE IF NOT EXISTS otel_service_hours
(
    project_id LowCardinality(String),
    hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
    service LowCardinality(String),
    name String CODEC(ZSTD(1)),
    span_kind LowCardinality(String),
    is_entry Bool,
    received_date Date,
    spans SimpleAggregateFunction(sum, UInt64),
    errors SimpleAggregateFunction(sum, UInt64),
    duration_ns SimpleAggregateFunction(sum, UInt128),
    duration AggregateFunction(quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99), UInt64)
)
ENGINE = {replicated}AggregatingMergeTree
PARTITION BY toYYYYMM(received_date)
ORDER BY (project_id, hour, service, name, span_kind, is_entry, received_date)
SETTINGS non_replicated_deduplication_window = 10000,
    index_granularity = 512,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_service_hours_feed TO otel_service_hours AS
SELECT
    s.project_id AS project_id,
    toStartOfHour(s.timestamp) AS hour,
    s.service AS service,
    substringUTF8(s.name, 1, 300) AS name,
    s.span_kind AS span_kind,
    (s.span_kind IN ('server', 'consumer') OR s.parent_span_id = '')::Bool AS is_entry,
    s.received_date AS received_date,
    count() AS spans,
    countIf(s.status = 'error') AS errors,
    sum(toUInt128(s.duration_ns)) AS duration_ns,
    quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)(s.duration_ns) AS duration
FROM otel_spans AS s
GROUP BY project_id, hour, service, name, span_kind, is_entry, received_date;

-- otel_peer_hours: what services call that sends no spans itself, by what the calling spans say: databases, queues,
--   providers of models, other hosts. Per hour of the spans' own time.
-- Written by: the view below. Read by: clickhouse/otel/service_map.py.
-- Repeats: rows of one key add up. Lives: as otel_spans; received_date is in the key.
CREATE TABLE IF NOT EXISTS otel_peer_hours
(
    project_id LowCardinality(String),
    hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
    service LowCardinality(String),
    peer_kind LowCardinality(String),
    peer LowCardinality(String),
    received_date Date,
    spans SimpleAggregateFunction(sum, UInt64),
    errors SimpleAggregateFunction(sum, UInt64),
    duration AggregateFunction(quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99), UInt64)
)
ENGINE = {replicated}AggregatingMergeTree
PARTITION BY toYYYYMM(received_date)
ORDER BY (project_id, hour, service, peer_kind, peer, received_date)
SETTINGS non_replicated_deduplication_window = 10000,
    index_granularity = 512,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_peer_hours_feed TO otel_peer_hours AS
SELECT
    s.project_id AS project_id,
    toStartOfHour(s.timestamp) AS hour,
    s.service AS service,
    found.1 AS peer_kind,
    found.2 AS peer,
    s.received_date AS received_date,
    count() AS spans,
    countIf(s.status = 'error') AS errors,
    quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)(s.duration_ns) AS duration
FROM
(
    SELECT
        project_id, timestamp, service, received_date, status, duration_ns,
        substringUTF8(substring(ifNull(coalesce(
            attributes.`db=2Esystem=2Ename`.:String, attributes.`db=2Esystem`.:String), ''), 2), 1, 100) AS db,
        substringUTF8(substring(ifNull(attributes.`messaging=2Esystem`.:String, ''), 2), 1, 100) AS queue,
        substringUTF8(substring(ifNull(coalesce(
            attributes.`gen_ai=2Eprovider=2Ename`.:String, attributes.`gen_ai=2Esystem`.:String), ''), 2), 1, 100) AS model,
        substringUTF8(substring(ifNull(coalesce(attributes.`server=2Eaddress`.:String,
            attributes.`net=2Epeer=2Ename`.:String), ''), 2), 1, 100) AS address,
        multiIf(
            db != '', ('database', if(address = '', db, concat(db, ' ', address))),
            queue != '' AND span_kind = 'producer', ('queue', if(address = '', queue, concat(queue, ' ', address))),
            kind IN ('llm', 'embedding') AND model != '', ('model', model),
            span_kind = 'client' AND address != '', ('host', address),
            ('', '')) AS found
    FROM otel_spans
    WHERE span_kind IN ('client', 'producer') OR kind IN ('llm', 'embedding')
) AS s
WHERE found.1 != ''
GROUP BY project_id, hour, service, peer_kind, peer, received_date;

-- A trace is read from these by its id. Rows from before had no such id, or are found by their time.
ALTER TABLE spans
    ADD INDEX IF NOT EXISTS by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE streamed_spans
    ADD INDEX IF NOT EXISTS by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1;
