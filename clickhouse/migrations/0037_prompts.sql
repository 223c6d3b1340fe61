-- traces: which prompt a call used, and which version. What its sender names, or else what processors/llm/templates.py
--   finds in the message of the system: `auto:` and a hash of how it begins, and a hash of its template. Empty: none is
--   known, as of calls that were stored before there were these columns. No rollup has them.
--   Senders choose both, so they are no dictionaries.
ALTER TABLE traces
    ADD COLUMN IF NOT EXISTS prompt String CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS prompt_version String CODEC(ZSTD(1));

-- prompt_templates: what versions of prompts say, without the values of a call.
-- Written by: processors/sink.py, beside calls; a process writes a version once a day, and so many of a project and day
--   as processors/llm/known_templates.py says. Read by: clickhouse/llm/prompt_templates.py and prompt_sums.py.
-- Repeats: a version has a row for each day on which it was used, and several until parts are merged. They say the
--   same: of a version that its sender names, the text is that of one of its calls.
-- Lives: until retention removes whole days by received_date.
-- ORDER BY: rows that merge beside each other. A project has few.
CREATE TABLE IF NOT EXISTS prompt_templates
(
    project_id LowCardinality(String),
    item_id String CODEC(ZSTD(1)),
    prompt String CODEC(ZSTD(1)),
    version String CODEC(ZSTD(1)),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_date Date MATERIALIZED toDate(received_at),
    text String CODEC(ZSTD(1)),
    log_id LowCardinality(String),
    log_partition UInt16,
    log_offset UInt64 CODEC(Delta, LZ4),
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1
)
ENGINE = {replicated}ReplacingMergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, received_date, prompt, version)
SETTINGS non_replicated_deduplication_window = 10000,
    index_granularity = 1024,
    min_bytes_for_wide_part = 268435456,
    merge_selector_base = 8,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
