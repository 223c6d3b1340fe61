-- Words of traces, spans and messages are found by indexes: see docs/search.md.
-- Written by: as those tables. Read by: clickhouse/texts.py, which has the same expressions.
-- Parts of before have none of them, and are read whole until they are merged.
-- by_words of traces, by_input of spans: filters of words by granule. Texts are JSON as it was sent: of \n, \t and
--   \r in it nothing may stick to the next word. Measured on traces of 1.25 KB, of some 60 us of ingest each:
--   this filter takes 0.4 us at the insert and 3 us at a merge, 9 bytes of 431 on disk. An index that knows rows,
--   of prompts and answers in one: 6 us, 5 us and 129 bytes; of answers alone 2 us, 5 us and 68 bytes.
-- by_words of messages: rows by word, in place of by_body, which had `nfix` for a line that begins with `fix`.
-- by_script: what is not ASCII, as pairs of characters. Chinese has no blanks, Arabic has commas that are no ASCII.
ALTER TABLE traces
    ADD INDEX IF NOT EXISTS by_words lower(concat(replaceAll(replaceAll(replaceAll(replaceAll(request_body, '\\\\', ' '), '\\n', ' '), '\\t', ' '), '\\r', ' '), ' ', ifNull(output_text, '')))
        TYPE tokenbf_v1(65536, 3, 0) GRANULARITY 1;

ALTER TABLE spans
    ADD INDEX IF NOT EXISTS by_input lower(replaceAll(replaceAll(replaceAll(replaceAll(tool_input, '\\\\', ' '), '\\n', ' '), '\\t', ' '), '\\r', ' '))
        TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 1;

ALTER TABLE messages
    DROP INDEX IF EXISTS by_body,
    ADD INDEX IF NOT EXISTS by_words lowerUTF8(replaceAll(replaceAll(replaceAll(replaceAll(body, '\\\\', ' '), '\\n', ' '), '\\t', ' '), '\\r', ' '))
        TYPE text(tokenizer = 'splitByNonAlpha'),
    ADD INDEX IF NOT EXISTS by_script replaceRegexpAll(lowerUTF8(body), '[\\x00-\\x7F]+', ' ')
        TYPE text(tokenizer = ngrams(2));
