"""Columns of the templates of prompts as Arrow. Pure, no I/O."""

from collections.abc import Sequence

import pyarrow as pa

from clickhouse.tables import times
from schemas.llm.rows import TraceRow


def template_arrays(rows: Sequence[TraceRow]) -> dict[str, pa.Array]:
    """Returns the columns of table `prompt_templates`, of calls that hold theirs."""
    return {
        "prompt": pa.array([one.prompt for one in rows], pa.string()),
        "version": pa.array([one.prompt_version for one in rows], pa.string()),
        "timestamp": times([one.timestamp_us for one in rows]),
        "text": pa.array([one.prompt_text for one in rows], pa.string()),
    }
