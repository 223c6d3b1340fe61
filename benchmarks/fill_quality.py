"""Gives a store that `benchmarks.fill` has filled prompts, runs, judges and scores.

Of the calls of a project three quarters use one of 40 versions of 8 prompts, one in a hundred is a
try of an item in a run of a dataset, one in a hundred a question of a judge, and a tenth has a
score.
"""

from clickhouse.client import Warehouse

PROMPTS = """
ALTER TABLE traces
UPDATE
    prompt = if(cityHash64(trace_id) % 4 = 0, '', concat('prompt-', toString(
        bitShiftRight(cityHash64(trace_id), 9) % 8))),
    prompt_version = if(cityHash64(trace_id) % 4 = 0, '', hex(sipHash64(
        bitShiftRight(cityHash64(trace_id), 9) % 40))),
    environment = if(cityHash64(trace_id, 1) % 100 = 7, 'sluice-judge', environment)
WHERE project_id = {project:String}
"""
RUNS = """
INSERT INTO experiment_calls
    (project_id, dataset, run, item_id, attempt, version, timestamp, trace_id, received_date)
SELECT project_id, 'questions', concat('run-', toString(intDiv(log_offset, 50000))),
    concat('item-', toString(cityHash64(trace_id, 3) % 1000)), concat('call=', trace_id), 1,
    timestamp, trace_id, received_date
FROM traces
WHERE project_id = {project:String} AND cityHash64(trace_id, 2) % 100 = 9
"""
SCORES = """
INSERT INTO scores
    (project_id, item_id, score_id, timestamp, received_at, version, deleted, name, data_type,
     value, text, source, author, environment, trace_id, log_id, log_partition, log_offset)
SELECT project_id, concat('judge-', trace_id, ':1'), concat('judge-', trace_id), timestamp,
    received_at, received_at, false, concat('judge-', toString(cityHash64(trace_id) % 3)),
    'numeric', cityHash64(trace_id) % 100 / 100, '', 'eval', 'judge', environment, trace_id,
    'bench', 0, log_offset
FROM traces
WHERE project_id = {project:String}
    AND (cityHash64(trace_id) % 10 = 0 OR cityHash64(trace_id, 2) % 100 = 9)
"""


def fill_quality(warehouse: Warehouse, project: str) -> None:
    """Changes calls of a project, and adds runs and scores; once in the life of a store."""
    values = {"project": project}
    warehouse.command_now(PROMPTS, values, {"mutations_sync": 1})
    for statement in (RUNS, SCORES):
        warehouse.command_now(statement, values, {"max_partitions_per_insert_block": 0})
