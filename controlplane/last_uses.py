"""When keys were last used, kept in memory and written every few seconds."""

import time
from datetime import UTC, datetime

from sqlalchemy import or_, update

from controlplane.database import Database
from controlplane.models import ApiKey, ApiToken, DsnKey
from controlplane.rules import as_uuid


class LastUses:
    """The last uses of the keys of one table that are not written yet."""

    def __init__(self, database: Database, table: type[ApiKey | DsnKey | ApiToken]) -> None:
        self._database = database
        self._table = table
        self._used: dict[str, float] = {}

    def note(self, row_id: str) -> None:
        """Note that the key of a row is used now."""
        self._used[row_id] = time.time()

    async def flush(self) -> int:
        """Write what is noted and return how many; call it every few seconds.

        What could not be written is kept for the next call, and the error raised.
        """
        used, self._used = self._used, {}
        if not used:
            return 0
        table = self._table
        try:
            async with self._database.session() as session:
                for row_id, at_s in used.items():
                    at = datetime.fromtimestamp(at_s, UTC)
                    newer = or_(table.last_used_at.is_(None), table.last_used_at < at)
                    query = update(table).where(table.id == as_uuid(row_id), newer)
                    await session.execute(query.values(last_used_at=at))
        except BaseException:
            self._used = used | self._used
            raise
        return len(used)
