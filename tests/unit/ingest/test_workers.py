import asyncio
import threading

from ingest.workers import Workers
from schemas.projects import ProjectId

ONE, OTHER = ProjectId("one"), ProjectId("other")


async def test_one_project_does_not_occupy_the_threads() -> None:
    workers = Workers()
    go_on = threading.Event()
    busy = [asyncio.create_task(workers.run(ONE, go_on.wait, 10)) for _ in range(20)]
    await asyncio.sleep(0)

    async with asyncio.timeout(5):
        assert await workers.run(OTHER, lambda: "done") == "done"

    assert not any(task.done() for task in busy)
    go_on.set()
    await asyncio.gather(*busy)


async def test_a_project_that_is_done_leaves_nothing_behind() -> None:
    workers = Workers()

    await asyncio.gather(*(workers.run(ProjectId(str(n)), int) for n in range(50)))

    assert not workers._turns
