"""The step of topic `outcomes`: the edge's counts of what it rejected, to rows of the ledger."""

from collections.abc import Sequence

import structlog

from eventlog.records import RecordDamaged, decode_refusals
from processors.blocks import Block, Output, StoredItems
from processors.columns import Numbers
from processors.outcomes import outcomes_of_refusals
from schemas.kinds import Table
from schemas.rows import Source

log = structlog.get_logger(__name__)


class RefusalStep:
    """Turns blocks of refusals into outcomes. There are no rows but those."""

    name = "outcomes"

    async def warm(self, source: Source | None) -> None:
        """Needs nothing."""

    async def build(self, block: Block) -> Output:
        """Decodes the counts; a damaged record is counts lost, said in the log."""
        output = Output()
        for record in block.records:
            try:
                if record.value is None:
                    raise RecordDamaged("its checksum does not hold")
                output.counted += outcomes_of_refusals(decode_refusals(record.value))
            except RecordDamaged as error:
                log.error("refusals damaged", offset=record.offset, reason=str(error))
        return output

    async def settle(self, block: Block, built: Output) -> Output:
        """Has nothing to add."""
        return built

    def chosen(self, built: Output, chosen: Sequence[tuple[str, Numbers]]) -> list[StoredItems]:
        """Is never asked: there are no items."""
        raise AssertionError("a topic without kinds has no rows")

    async def as_stored(self, stored: StoredItems) -> StoredItems:
        """Is never asked: there are no items."""
        raise AssertionError("a topic without kinds has no rows")

    async def missing(
        self, table: Table, stored: StoredItems, *, beside: Block | None = None
    ) -> Numbers:
        """Is never asked: there are no items."""
        raise AssertionError("a topic without kinds has no rows")

    async def note(self, stored: StoredItems) -> None:
        """Has nothing to remember."""

    async def follow(self, stored: StoredItems) -> None:
        """Has nothing that follows."""
