-- span_marks: every start and every end of the pairs that spans come in (tool calls, agents, sessions),
-- for durations and calls. A pair may begin and end again: sessions and agents are resumed, and some
-- models number their tool calls from 0 in each answer. Which start an end belongs to is found at read
-- time, so that it does not depend on the order in which the two arrive.
-- Written by: the view below. Read by: clickhouse/llm/pairs.py.
-- Repeats: a mark may be there twice, which changes no answer. Lives: as spans.
-- ORDER BY: the marks of a pair are together, in the order of time; a start before an end of the same
--   moment. index_granularity: a page of a list looks up a few dozen pairs, each in a place of its own.
-- It takes the place of span_pairs, which kept the first start and the last end of each pair.
-- A session that was compacted says so with another session_start, which is none.
CREATE TABLE IF NOT EXISTS span_marks
(
    project_id LowCardinality(String),
    pair_hash UInt64 CODEC(NONE),
    moment DateTime64(6, 'UTC') CODEC(Delta, LZ4),
    is_end Bool,
    received_date Date
)
ENGINE = {replicated}MergeTree
ORDER BY (project_id, pair_hash, moment, is_end)
SETTINGS non_replicated_deduplication_window = 10000,
    index_granularity = 1024,
    merge_selector_base = 8,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS span_marks_feed TO span_marks AS
SELECT
    project_id,
    pair_hash,
    timestamp AS moment,
    pair_role = 'end' AS is_end,
    toDate(received_at) AS received_date
FROM spans
WHERE pair_role != ''
    AND NOT (event_type = 'session_start' AND ifNull(tags.`source`.:String, '') = '=compact');

-- What the view brings meanwhile is there twice.
INSERT INTO span_marks
SELECT
    project_id,
    pair_hash,
    timestamp AS moment,
    pair_role = 'end' AS is_end,
    toDate(received_at) AS received_date
FROM spans
WHERE pair_role != ''
    AND NOT (event_type = 'session_start' AND ifNull(tags.`source`.:String, '') = '=compact');

DROP VIEW IF EXISTS span_pairs_feed SYNC;

DROP TABLE IF EXISTS span_pairs SYNC;

-- traces, spans: what the sender wrote as the cost, in cents, where it has digits below a pico-dollar.
--   Rows answer it; sums add up pico-dollars. Empty nearly always.
ALTER TABLE traces ADD COLUMN IF NOT EXISTS reported_digits String CODEC(ZSTD(1)) AFTER reported_cost;

ALTER TABLE spans ADD COLUMN IF NOT EXISTS reported_digits String CODEC(ZSTD(1)) AFTER reported_cost;
