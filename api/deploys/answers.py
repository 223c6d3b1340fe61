"""Lines as they are answered."""

from clickhouse.deploys.lines import StoredLine
from schemas.deploys.lines import Line, line_id
from schemas.deploys.log_answers import LineAnswer
from schemas.times import from_us


def answer_of(line: StoredLine, deployment_id: str) -> LineAnswer:
    """Returns a stored line."""
    at = _written(line.at_us)
    return LineAnswer(
        line.line_id, at, at, deployment_id, line.level, line.message, line.stream, line.seq
    )


def answer_of_sent(line: Line) -> LineAnswer:
    """Returns a line that is in the event log, as it will be stored."""
    at = _written(line.at_us)
    id_ = line_id(line.deployment_id, line.seq)
    return LineAnswer(
        id_, at, at, line.deployment_id, line.level, line.message, line.stream, line.seq
    )


def _written(moment_us: int) -> str:
    return from_us(moment_us).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
