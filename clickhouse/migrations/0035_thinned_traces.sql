-- thinned_traces: which traces of a day go, by the rules of their project, while they go.
-- Written by: clickhouse/thinning.py, before the first row is deleted. Read by: the same, by each deletion: so what goes
--   is the same in every table, whatever is gone already.
-- Repeats: none within a run_id; what another run left is not read.
-- Lives: until the day is done; what a broken run left goes after two days, as clickhouse/retention.py says.
-- day: on which the last row of the trace came in. received_date: when this row was written.
-- trace: sipHash64 of what clickhouse/thinning.py calls the trace. sampled: whether the sample keeps it.
-- ORDER BY: a run is read as a whole.
CREATE TABLE IF NOT EXISTS thinned_traces
(
    project_id LowCardinality(String),
    run_id String,
    day Date,
    received_date Date,
    trace UInt64 CODEC(LZ4),
    sampled Bool
)
ENGINE = {replicated}MergeTree
PARTITION BY toYYYYMM(received_date)
ORDER BY (project_id, run_id, sampled, trace)
SETTINGS non_replicated_deduplication_window = 10000,
    merge_selector_base = 8,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
