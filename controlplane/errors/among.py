"""One of many numbers, bound as one value: a statement with ten thousand of them takes long."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession


def among(session: AsyncSession, which: Any, numbers: Sequence[int]) -> ColumnElement[bool]:
    """Returns the condition that a column of BIGINT has one of these numbers."""
    condition: ColumnElement[bool]
    if session.get_bind().dialect.name == "sqlite":
        every = func.json_each(json.dumps(list(numbers))).table_valued("value")
        condition = which.in_(select(every.c.value))
    else:
        values = bindparam(None, list(numbers), type_=ARRAY(BigInteger))
        condition = which == any_(values)
    return condition
