-- experiment_calls: which calls belong to which run of a dataset, and to which of its items: what calls say of
--   themselves in the metadata experiment.dataset, experiment.run and experiment.item.
-- Written by: the view below, with the blocks of traces. Read by: clickhouse/llm/experiments.py.
-- Repeats: none, as in traces. What a call costs and whether it is billed change, so they are not here: whoever reads
--   finds the rows of traces by timestamp and trace_id.
-- attempt: calls of one item that share it are one try, whose costs add up: the value of experiment.repetition, or else
--   the trace of OpenTelemetry, the session, the call itself.
-- version: of the dataset, as the call says in experiment.version; 0 where it does not.
-- Lives: as traces. ORDER BY: a question is about some runs of one dataset.
CREATE TABLE IF NOT EXISTS experiment_calls
(
    project_id LowCardinality(String),
    dataset String CODEC(ZSTD(1)),
    run String CODEC(ZSTD(1)),
    item_id String CODEC(ZSTD(1)),
    attempt String CODEC(ZSTD(1)),
    version UInt32 CODEC(T64, LZ4),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    received_date Date
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_date)
ORDER BY (project_id, dataset, run, item_id, timestamp, trace_id)
SETTINGS non_replicated_deduplication_window = 10000,
    index_granularity = 1024,
    merge_selector_base = 8,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- Values of tags begin with `=`, and are never empty: clickhouse/tags.py.
CREATE MATERIALIZED VIEW IF NOT EXISTS experiment_calls_of_traces TO experiment_calls AS
SELECT
    project_id,
    substring(ifNull(t.tags.`experiment=2Edataset`.:String, ''), 2) AS dataset,
    substring(ifNull(t.tags.`experiment=2Erun`.:String, ''), 2) AS run,
    substring(ifNull(t.tags.`experiment=2Eitem`.:String, ''), 2) AS item_id,
    multiIf(
        ifNull(t.tags.`experiment=2Erepetition`.:String, '') != '',
        substring(concat('repetition', t.tags.`experiment=2Erepetition`.:String), 1, 200),
        length(t.trace_id) = 49, concat('trace=', substring(t.trace_id, 1, 32)),
        t.session_id != '', concat('session=', t.session_id),
        concat('call=', t.trace_id)) AS attempt,
    ifNull(toUInt32OrZero(substring(ifNull(t.tags.`experiment=2Eversion`.:String, ''), 2)), 0) AS version,
    t.timestamp AS timestamp,
    t.trace_id AS trace_id,
    t.received_date AS received_date
FROM traces AS t
WHERE run != '' AND dataset != '' AND item_id != ''
    AND length(dataset) <= 100 AND length(item_id) <= 200 AND lengthUTF8(run) <= 200;
