"""A project with calls and judges, and a model on loopback that answers as a test says."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from clickhouse.client import Warehouse
from controlplane.database import Database
from controlplane.llm.judge_queue import (
    KeptWord,
    Waiting,
    drop_words,
    figures_of,
    list_words,
    put_queue,
)
from controlplane.llm.judges import add_judge
from processors.llm.cost.book import PriceBook
from processors.llm.cost.own import Prices
from processors.llm.judges.asking import Asker, ModelAccess
from processors.llm.judges.by_model import ModelJudges
from processors.llm.judges.by_rules import RuleJudges
from processors.llm.judges.judging import Judging
from processors.llm.judges.model_calls import ModelAsking
from schemas.llm.judges import CallRef, Figures, Judge, JudgeForm
from schemas.projects import ProjectContext, ProjectId
from sluice.judging import BudgetStops, expectations
from tests.integration.alerts.alerting import Clock
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import TraceRow, encode_traces, make_trace

MODEL = "gpt-4o-mini"
PROMPT = "Asked: {input}\nAnswered: {output}"
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}


class ModelServer:
    """What was asked, and what is answered in turn: the last answer is for all the rest."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.heads: list[str] = []
        self.answers: list[tuple[int, bytes, str]] = []
        self.hangs = False
        self.serving: set[asyncio.Task[None]] = set()
        self.url = ""

    def says(self, score: Any, reason: str = "because") -> None:
        """Has it answer so."""
        said = msgspec.json.encode({"score": score, "reason": reason}).decode()
        self.answers.append((200, completion(said), ""))

    def fails(self, status: int, more: str = "", body: bytes = b"{}") -> None:
        """Has it answer an error."""
        self.answers.append((status, body, more))

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.serving.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.split(":")[1])
            for line in head.lower().split("\r\n")
            if line.startswith("content-length")
        )
        self.heads.append(head)
        self.asked.append(msgspec.json.decode(await reader.readexactly(length)))
        if self.hangs:
            await asyncio.sleep(30)
        status, body, more = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        fields = f"{more}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(f"HTTP/1.1 {status} X\r\n{fields}".encode() + body)
        await writer.drain()


def batch_of(*traces: TraceRow) -> pa.RecordBatch:
    """The rows of a block, as the stream has them before they are stored."""
    return pa.ipc.open_stream(encode_traces(traces)).read_all().combine_chunks().to_batches()[0]


def completion(content: str, **more: Any) -> bytes:
    """Returns what a server of chat completions answers."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}}
    return msgspec.json.encode({"model": MODEL, "choices": [choice], "usage": USAGE} | more)


@asynccontextmanager
async def answering() -> AsyncIterator[ModelServer]:
    """Serves on a free port for as long as it is asked for."""
    model = ModelServer()
    server = await asyncio.start_server(model.accept, "127.0.0.1", 0)
    model.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield model
    finally:
        server.close()
        for one in model.serving:
            one.cancel()
        await asyncio.gather(*model.serving, return_exceptions=True)


class Court(NamedTuple):
    """A project with judges, and a clock."""

    database: Database
    warehouse: Warehouse
    project_id: ProjectId
    clock: Clock
    prices: PriceBook

    async def judge(self, name: str, rule: dict[str, Any], **form: Any) -> Judge:
        """Makes a judge."""
        made = msgspec.convert({"name": name, "rule": rule, **form}, JudgeForm)
        return await add_judge(self.database, self.project_id, made, (MODEL,))

    async def model_judge(self, name: str = "good", *, form: Any = None, **rule: Any) -> Judge:
        """Makes a judge that asks the model."""
        usual = {"type": "model", "model": MODEL, "prompt": PROMPT}
        return await self.judge(name, usual | rule, **(form or {}))

    def call(self, output: str = "Paris", **changes: Any) -> CallRef:
        """Stores a call of now."""
        trace_id = str(uuid.uuid4())
        now = {"timestamp_us": self.clock.us, "received_at_us": self.clock.us}
        body = b'{"messages":[{"role":"user","content":"The capital?"}]}'
        said = {"output_text": output, "request_body": body}
        fields = now | said | changes
        project_id = fields.pop("project_id", self.project_id)
        store_traces(self.warehouse, [make_trace(project_id, trace_id, **fields)])
        return CallRef(trace_id, self.clock.us)

    async def queue(self, judge: Judge, *calls: CallRef) -> None:
        """Has calls wait for a judge, each for itself."""
        waiting = [Waiting(judge.id, self.clock.us, [one]) for one in calls]
        await put_queue(self.database, waiting)

    def by_rules(self) -> Judging:
        """A process that has just come."""
        judges = RuleJudges(self.warehouse, expectations(self.database))
        return Judging(self.database, self.warehouse, judges, self.clock)

    def means(self, model: ModelServer | None, **access: Any) -> ModelAsking:
        """How models are asked, without pauses between tries."""
        url = "" if model is None else model.url
        usual: dict[str, Any] = {"url": url, "key": "secret", "models": (MODEL,), "timeout_s": 2.0}
        prices = Prices(self.prices)
        return ModelAsking(
            database=self.database,
            asker=Asker(ModelAccess(**usual | access), wait_s=0.001),
            prices=lambda: prices,
            expected=expectations(self.database),
            exceeded=BudgetStops(self.database).exceeded,
        )

    def by_models(self, model: ModelServer | None, **access: Any) -> Judging:
        """A process that has just come."""
        judges = ModelJudges(self.warehouse, self.means(model, **access))
        return Judging(self.database, self.warehouse, judges, self.clock)

    def context(self) -> ProjectContext:
        """The project, as whoever asks has it."""
        return ProjectContext(self.project_id)

    async def words(self) -> list[KeptWord]:
        """What is to go into the log."""
        found = await list_words(self.database, 1000)
        return [one for one in found if one.project_id == self.project_id]

    async def scores(self) -> dict[str, Any]:
        """The scores that are to go into the log, by call."""
        bodies = await self._bodies("score")
        assert len({one["id"] for one in bodies}) == len(bodies)
        return {one["trace_id"]: one["value"] for one in bodies}

    async def calls(self) -> list[Any]:
        """The calls of judges that are to go into the log."""
        return await self._bodies("trace")

    async def _bodies(self, kind: str) -> list[Any]:
        words = [one.word for one in await self.words()]
        return [msgspec.json.decode(one.body) for one in words if one.kind == kind]

    async def forget_words(self) -> None:
        """As if they were in the log."""
        await drop_words(self.database, [one.id for one in await self.words()])

    async def figures(self, judge: Judge) -> Figures:
        """How a judge fares."""
        return (await figures_of(self.database, self.project_id, self.clock.us))[judge.id]
