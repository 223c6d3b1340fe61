"""Templates are stored once a day and no more than so many, whatever senders send."""

import json
import random
import sys
import uuid
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from eventlog.log import TopicPartition
from eventlog.records import Chunk
from processors.assemble import Arrived, assemble
from processors.blocks import Block, StoredItems
from processors.llm import known_templates
from processors.llm.cost.book import PriceBook
from processors.llm.cost.cache import load_book
from processors.llm.cost.own import Prices
from processors.llm.known_templates import MOST_A_DAY, KnownTemplates
from processors.llm.steps import steps
from schemas.checkpoints import Intent
from schemas.kinds import PROMPT_TEMPLATES, TEMPLATES, TRACE
from schemas.projects import ProjectId
from schemas.zones import DAY_US


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> PriceBook:
    cache: Path = tmp_path_factory.mktemp("prices")
    return load_book(cache)


BLOCK = Block(TopicPartition(TRACE.topic, 0), "test", Intent(0, 1), [], repeated=False)


def call(system: str, **metadata: str) -> bytes:
    body: dict[str, Any] = {
        "metadata": metadata,
        "trace_id": str(uuid.uuid4()),
        "timestamp": "2026-01-05T00:00:00Z",
        "provider": "openai",
        "model_requested": "gpt-4o",
        "request_body": {"messages": [{"role": "system", "content": system}]},
        "status": "success",
        "latency_ms": 1,
    }
    return json.dumps(body).encode()


class Process:
    """What one process makes of blocks and stores of them."""

    def __init__(self, book: PriceBook) -> None:
        self.known = KnownTemplates()
        self._step = steps(lambda: Prices(book), templates=self.known)[TRACE.name]

    def build(self, *systems: str, project: str = "one", day: int = 0) -> StoredItems:
        return self.build_of(list(map(call, systems)), project, day)

    def build_of(self, bodies: list[bytes], project: str = "one", day: int = 0) -> StoredItems:
        chunk = Chunk(ProjectId(project), TRACE.wire, day * DAY_US * 1000, bodies)
        built = assemble(BLOCK, self._step, [Arrived(chunk, 0, 0)])
        assert built.batch is not None
        return StoredItems(built.batch, np.arange(len(built.batch)))

    def store(self, *systems: str, project: str = "one", day: int = 0) -> list[str]:
        stored = self.build(*systems, project=project, day=day)
        self._step.note(stored)
        return texts(stored)


def _word(chance: random.Random) -> str:
    return "".join(chance.choices(ascii_lowercase, k=9))


def texts(stored: StoredItems) -> list[str]:
    rows: pa.RecordBatch = stored.batch.rows(TEMPLATES, stored.items)
    return list(rows["text"].to_pylist())


def test_a_template_is_stored_once_a_day_and_project(book: PriceBook) -> None:
    process = Process(book)

    assert process.store("Be kind.", "Be short.", "Be kind.") == ["Be kind.", "Be short."]
    assert process.store("Be kind.", "Be fast.") == ["Be fast."]
    assert process.store("Be kind.", project="two") == ["Be kind."]
    assert process.store("Be kind.", day=1) == ["Be kind."]


def test_a_block_that_was_not_stored_is_built_the_same_again(book: PriceBook) -> None:
    process = Process(book)

    first = texts(process.build("Be kind."))

    assert texts(process.build("Be kind.")) == first == ["Be kind."]


def test_what_the_store_did_not_take_is_not_known(book: PriceBook) -> None:
    process = Process(book)
    stored = process.build("Be kind.", "Be short.")
    process.known.note(stored._replace(items=np.array([1])))

    assert process.store("Be kind.", "Be short.") == ["Be kind."]


@pytest.mark.parametrize("seed", [7, 20_261_130])
def test_random_messages_are_stored_up_to_a_bound(book: PriceBook, seed: int) -> None:
    chance = random.Random(seed)
    process = Process(book)

    found = [text for _ in range(5) for text in process.store(*(_word(chance) for _ in range(100)))]

    assert len(found) == len(set(found)) == MOST_A_DAY
    assert len(process.store("Be kind.", day=1)) == 1


def test_the_days_that_are_remembered_are_bounded(
    book: PriceBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_templates, "MOST_DAYS", 3)
    process = Process(book)
    for day in range(10):
        process.store("Be kind.", day=day)

    assert len(process.known._stored) == 3
    assert process.store("Be kind.", day=9) == []


def test_what_is_remembered_of_a_day_is_bounded_however_long_names_are(book: PriceBook) -> None:
    process = Process(book)
    named = [
        call("Be kind.", prompt_name=f"{n:03}" + "\U0001f600" * 253, prompt_version="\u20ac" * 128)
        for n in range(MOST_A_DAY)
    ]

    process.known.note(process.build_of(named))

    (day,) = process.known._stored.values()
    assert len(day) == MOST_A_DAY
    assert sys.getsizeof(day) + sum(map(sys.getsizeof, day)) < 50_000
    assert texts(process.build_of(named)) == []


def test_rows_name_the_calls_that_said_them(book: PriceBook) -> None:
    stored = Process(book).build("", "Be kind.", "Be kind.", "Be short.")

    assert stored.batch.tables[PROMPT_TEMPLATES].items.tolist() == [1, 3]
