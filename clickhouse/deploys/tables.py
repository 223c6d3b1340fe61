"""Columns of lines as Arrow. Pure, no I/O."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from clickhouse.tables import times
from schemas.deploys.lines import LineRow

TEXTS = ("deployment_id", "level", "stream", "message")


def line_arrays(columns: Sequence[Sequence[Any]]) -> dict[str, pa.Array]:
    """Returns the columns of table `deploy_lines`, from those of `LineRow`."""
    values = dict(zip(LineRow._fields, columns, strict=True))
    return {
        **{name: pa.array(values[name], pa.string()) for name in TEXTS},
        "seq": pa.array(values["seq"], pa.uint32()),
        "timestamp": times(values["at_us"]),
    }
