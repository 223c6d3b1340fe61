-- traces, spans: by which key a call or an event came.
-- Written by: processors/sink.py, from the header of the record. Read by: lists, analytics and budgets.
-- Repeats, Lives, ORDER BY: as 0001 and 0002 say.
-- api_key: the id of the API key or DSN key, never the key itself; empty of what came before, or by a session of a
--   person: it is not known.
ALTER TABLE traces ADD COLUMN IF NOT EXISTS api_key LowCardinality(String);
ALTER TABLE spans ADD COLUMN IF NOT EXISTS api_key LowCardinality(String);

-- key_days: of sums by keys, kept under a path of their own (clickhouse/llm/key_days.py), `tag` is the key.
ALTER TABLE key_days ADD COLUMN IF NOT EXISTS api_key String ALIAS tag;
