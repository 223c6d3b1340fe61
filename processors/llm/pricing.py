"""With what calls are priced now: the price list, and the own prices of projects as they are set.

The steps are given the prices as values. Which of them a block is priced by is decided when it is
built; a block that is stored again after a crash keeps what its rows say (`Table.kept`).
"""

import asyncio

from controlplane.database import Database
from controlplane.llm.prices import list_revisions, read_documents
from processors.llm.cost.book import PriceBook
from processors.llm.cost.own import OwnBook, Prices
from processors.llm.cost.reasons import meaning_of
from schemas.projects import ProjectId


class Pricing:
    """The prices of one process. While the control plane is away, the last ones go on counting."""

    def __init__(self, listed: PriceBook, database: Database) -> None:
        self._database = database
        self._prices = Prices(listed)
        self._revisions: dict[ProjectId, int] = {}

    def current(self) -> Prices:
        """Returns the prices as they were read last."""
        return self._prices

    def why_unpriced(
        self, project_id: ProjectId, provider: str | None, used: str, requested: str
    ) -> tuple[str, str] | None:
        """Returns why no call of these names has a price: a word, and a sentence.

        `None` where one has: what a call in particular lacks, only its rows tell.
        """
        book = self._prices.of(project_id)
        reasons = [book.why_unpriced(provider, name) for name in (used, requested) if name]
        if None in reasons:
            return None
        word = reasons[-1] or ""
        return word, meaning_of(word)

    async def refresh(self) -> None:
        """Reads what has changed. Raises `ControlPlaneError`."""
        revisions = await list_revisions(self._database)
        if revisions == self._revisions:
            return
        stale = [one for one, revision in revisions.items() if self._revisions.get(one) != revision]
        found = await read_documents(self._database, stale)
        prices = await asyncio.to_thread(
            lambda: {one: OwnBook(self._prices.listed, held) for one, (_, held) in found.items()}
        )
        gone = self._revisions.keys() - revisions.keys()
        own = {one: book for one, book in self._prices.own.items() if one not in gone} | prices
        self._prices = Prices(self._prices.listed, own)
        self._revisions = {one: read for one, read in self._revisions.items() if one not in gone}
        self._revisions |= {one: revision for one, (revision, _) in found.items()}
