-- Tables of events since 0013, and their rollups: each row is merged less often.
-- Written by, Read by, Repeats, Lives, ORDER BY: as the files before say.
-- merge_selector_base: see 0009, which gave it to the tables of that time. At 5, the default, merges of 80
--   blocks of 200 errors of 11 KB took 108 us of processor time an error; at 8 they take 76. Of 60 blocks
--   of 1,000 log records: 19 us a record, and 9.
ALTER TABLE errors MODIFY SETTING merge_selector_base = 8;
ALTER TABLE error_hours MODIFY SETTING merge_selector_base = 8;
ALTER TABLE transactions MODIFY SETTING merge_selector_base = 8;
ALTER TABLE transaction_spans MODIFY SETTING merge_selector_base = 8;
ALTER TABLE transaction_hours MODIFY SETTING merge_selector_base = 8;
ALTER TABLE transaction_days MODIFY SETTING merge_selector_base = 8;
ALTER TABLE logs MODIFY SETTING merge_selector_base = 8;
ALTER TABLE session_updates MODIFY SETTING merge_selector_base = 8;
ALTER TABLE feedback MODIFY SETTING merge_selector_base = 8;
ALTER TABLE check_ins MODIFY SETTING merge_selector_base = 8;
ALTER TABLE attachments MODIFY SETTING merge_selector_base = 8;
ALTER TABLE streamed_spans MODIFY SETTING merge_selector_base = 8;
ALTER TABLE streamed_span_sums MODIFY SETTING merge_selector_base = 8;
ALTER TABLE checks MODIFY SETTING merge_selector_base = 8;
ALTER TABLE deploy_lines MODIFY SETTING merge_selector_base = 8;
ALTER TABLE scores MODIFY SETTING merge_selector_base = 8;
ALTER TABLE otel_metrics MODIFY SETTING merge_selector_base = 8;
ALTER TABLE otel_points MODIFY SETTING merge_selector_base = 8;
ALTER TABLE otel_traces MODIFY SETTING merge_selector_base = 8;
ALTER TABLE otel_service_hours MODIFY SETTING merge_selector_base = 8;
ALTER TABLE otel_peer_hours MODIFY SETTING merge_selector_base = 8;
