"""Runs of datasets, put together from both stores."""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal

from api.llm.experiment_items import Run, compare, differences, result_of, run_of
from api.parameters import NothingFound
from clickhouse.client import Warehouse
from clickhouse.llm.experiment_scores import RunScore, score_items, score_runs
from clickhouse.llm.experiments import (
    MOST_RUN_NAMES,
    MOST_RUNS,
    Output,
    Runs,
    RunSums,
    newest_runs,
    read_outputs,
    sum_items,
    sum_runs,
)
from clickhouse.queries.outlived import rows_from_of
from clickhouse.queries.values import cents_sum, number
from controlplane.database import Database
from controlplane.llm.dataset_items import CUT_CHARS, Texts, count_items, read_texts, version_at
from controlplane.llm.datasets import KnownRun, find_dataset, list_known_runs
from schemas.llm.experiments import (
    Comparison,
    ItemComparison,
    ItemResult,
    ResultList,
    RunAnswer,
    RunList,
    RunScoreAnswer,
)
from schemas.projects import ProjectContext
from schemas.times import iso_ms

NO_TEXTS = Texts("", "null")
NO_CALLS = RunSums("", 0, 0, 0, 0, 0, 0, Decimal(0), 0, (), 0, 0)


class Experiments:
    """The runs of one dataset, to be asked."""

    def __init__(
        self, database: Database, warehouse: Warehouse, project: ProjectContext, dataset: str
    ) -> None:
        self._database = database
        self._warehouse = warehouse
        self._project = project
        self._dataset = dataset

    async def list_runs(self) -> RunList:
        """Returns the runs with the newest calls, then those that have none yet."""
        known, names = await self._named(MOST_RUNS)
        return RunList(runs=await self._runs(names, known))

    async def run_names(self) -> list[str]:
        """Returns the names of the runs in the same order, of far more of them."""
        return (await self._named(MOST_RUN_NAMES))[1]

    async def runs_of(self, names: Sequence[str]) -> list[RunAnswer]:
        """Returns some runs, in the order of their names."""
        return await self._runs(names, await self._known())

    async def results(self, name: str, *, limit: int, offset: int) -> ResultList:
        """Returns the items of a run, by id. Raises `NothingFound`."""
        (answer,), run = await asyncio.gather(self._found([name]), self._run(name))
        order = sorted(run.sums)
        page = order[offset : offset + limit]
        texts, outputs = await self._beside(page, answer.version, {name: run})
        items = [
            ItemResult(
                id=key,
                input=_input(texts, key),
                expected_output=_expected(texts, key),
                result=result_of(run, key, outputs),
            )
            for key in page
        ]
        return ResultList(dataset=self._dataset, run=answer, items=items, total=len(order))

    async def compared(
        self, names: tuple[str, str], measure: str | None, *, limit: int, offset: int
    ) -> Comparison:
        """Returns two runs beside each other. Raises `NothingFound`."""
        answers, a, b = await asyncio.gather(
            self._found(names), self._run(names[0]), self._run(names[1])
        )
        found = await asyncio.to_thread(compare, a, b, measure)
        page = found.order[offset : offset + limit]
        version = answers[1].version
        texts, outputs = await self._beside(page, version, {names[0]: a, names[1]: b})
        both = len(a.sums.keys() & b.sums.keys())
        return Comparison(
            dataset=self._dataset,
            a=answers[0],
            b=answers[1],
            both=both,
            only_a=len(a.sums) - both,
            only_b=len(b.sums) - both,
            measures=found.measures,
            sorted_by=found.sorted_by,
            items=[
                ItemComparison(
                    id=key,
                    input=_input(texts, key),
                    expected_output=_expected(texts, key),
                    a=result_of(a, key, outputs),
                    b=result_of(b, key, outputs),
                    differences=differences(a.measures.get(key, {}), b.measures.get(key, {})),
                )
                for key in page
            ],
            total=len(found.order),
        )

    async def _named(self, limit: int) -> tuple[dict[str, KnownRun], list[str]]:
        """Returns what was announced, and the names of runs, those of the newest calls first."""
        known, names = await asyncio.gather(
            self._known(),
            newest_runs(self._warehouse, self._project, self._dataset, limit=limit),
        )
        waiting = sorted(
            (one for one in known.values() if one.name not in names),
            key=lambda one: -one.created_us,
        )
        return known, [*names, *(one.name for one in waiting)]

    async def _known(self) -> dict[str, KnownRun]:
        project_id = self._project.project_id
        found = await list_known_runs(self._database, project_id, self._dataset)
        return {one.name: one for one in found}

    async def _found(self, names: Sequence[str]) -> list[RunAnswer]:
        known = await self._known()
        answers = await self._runs(names, known)
        for one in answers:
            if not one.calls and one.name not in known:
                raise NothingFound("Run not found")
        return answers

    async def _runs(self, names: Sequence[str], known: Mapping[str, KnownRun]) -> list[RunAnswer]:
        runs = Runs(self._dataset, names)
        sums, scores = await asyncio.gather(
            sum_runs(self._warehouse, self._project, runs),
            score_runs(self._warehouse, self._project, runs),
        )
        project_id = self._project.project_id
        newest = (await find_dataset(self._database, project_id, self._dataset)).version
        versions = [await self._version(known.get(name), sums.get(name), newest) for name in names]
        counts = await count_items(self._database, project_id, self._dataset, set(versions))
        return [
            self._answer(
                known.get(name, KnownRun(name, "", None, 0, 0)),
                sums.get(name, NO_CALLS),
                [one for one in scores if one.run == name],
                version=version,
                items=counts[version],
            )
            for name, version in zip(names, versions, strict=True)
        ]

    async def _version(self, known: KnownRun | None, sums: RunSums | None, newest: int) -> int:
        # What calls say may be no version at all, and more than a column holds.
        if sums is not None and 0 < sums.version <= newest:
            return sums.version
        if known is not None:
            return known.version
        if sums is None:
            return 0
        project_id = self._project.project_id
        return await version_at(self._database, project_id, self._dataset, sums.first_us)

    def _answer(
        self,
        known: KnownRun,
        sums: RunSums,
        scores: Sequence[RunScore],
        *,
        version: int,
        items: int,
    ) -> RunAnswer:
        p50, p95 = map(number, sums.latencies_ms) if sums.calls else (None, None)
        begins = [at_us for at_us in (known.created_us, sums.first_us) if at_us]
        return RunAnswer(
            name=known.name,
            description=known.description,
            metadata=known.metadata,
            version=version,
            items=sums.items,
            missing=max(0, items - sums.items),
            tries=sums.tries,
            calls=sums.calls,
            failed=sums.failed,
            unpriced_calls=sums.unpriced,
            cost_cents=cents_sum(sums.cost),
            tokens=sums.tokens,
            latency_p50_ms=p50,
            latency_p95_ms=p95,
            first_at=iso_ms(sums.first_us) if sums.calls else None,
            last_at=iso_ms(sums.last_us) if sums.calls else None,
            rows_from=rows_from_of(self._project, min(begins)) if begins else None,
            scores=[_score(one) for one in scores],
        )

    async def _run(self, name: str) -> Run:
        asked = (self._warehouse, self._project, self._dataset, name)
        sums, scores = await asyncio.gather(sum_items(*asked), score_items(*asked))
        return run_of(sums, scores)

    async def _beside(
        self, page: Sequence[str], version: int, runs: Mapping[str, Run]
    ) -> tuple[dict[str, Texts], dict[str, Output]]:
        """Returns what items say, and what calls answered, of the items of a page."""
        calls = {
            run.sums[key].last_id: key for run in runs.values() for key in page if key in run.sums
        }
        return await asyncio.gather(
            read_texts(self._database, self._project.project_id, self._dataset, page, version),
            read_outputs(
                self._warehouse,
                self._project,
                Runs(self._dataset, list(runs)),
                calls,
                chars=CUT_CHARS,
            ),
        )


def _score(one: RunScore) -> RunScoreAnswer:
    return RunScoreAnswer(
        name=one.name,
        data_type=one.data_type,
        average=None if one.average is None else number(one.average),
        items=one.items,
        scores=one.scores,
    )


def _input(texts: Mapping[str, Texts], key: str) -> str | None:
    return texts[key].input if key in texts else None


def _expected(texts: Mapping[str, Texts], key: str) -> str | None:
    found = texts.get(key, NO_TEXTS).expected
    return None if found == "null" else found
