"""Made-up but plausible traffic: chats with their costs and errors, and agents at work.

Seeded: the same seed gives the same ids at any time of day. No text in it is anybody's.
"""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from ingest.llm.demo_agents import Agents
from ingest.llm.demo_bodies import Item
from ingest.llm.demo_chats import MODELS, Chats

LONGEST = timedelta(minutes=16)
"""Of a conversation: each begins early enough to be over by now."""


class Traffic:
    """Makes items for the days up to `until`."""

    def __init__(self, seed: int, until: datetime, days: int) -> None:
        chance = random.Random(seed)
        # Of its own: how often it is drawn from depends on the clock, and ids must not.
        self._moments = random.Random(f"moments {seed}")
        self._chats = Chats(seed, chance, until)
        self._agents = Agents(chance, until)
        self._until = until
        self._days = days

    def traces(self, count: int) -> Iterator[Item]:
        """Yields LLM calls, conversation after conversation."""
        made = 0
        # Each model once before chance decides, so that even a short demo has an unpriced one.
        models = iter(MODELS)
        while made < count:
            at = min(self._working_hour(), self._until - LONGEST)
            for item in self._chats.conversation(at, next(models, None)):
                if made == count:
                    return
                made += 1
                yield item

    def spans(self, count: int) -> Iterator[Item]:
        """Yields agent events, session after session; the last session is whole."""
        made = 0
        while made < count:
            at = self._working_hour() - timedelta(hours=1)
            for item in self._agents.session(at, shows_all=made == 0):
                made += 1
                yield item

    def _working_hour(self) -> datetime:
        """Returns a moment of the range, more often by day and on weekdays."""
        rnd = self._moments
        while True:
            at = self._until - timedelta(seconds=rnd.uniform(0, self._days * 86_400))
            busy = 1.0 if 8 <= at.hour < 18 else 0.25
            if rnd.random() < busy * (0.7 if at.weekday() >= 5 else 1.0):
                return at
