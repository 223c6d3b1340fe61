"""The pages of datasets and runs: forms, files, and that every text of a sender is escaped."""

import uuid
from typing import Any

import httpx

from api.pages.llm.datasets import plain
from tests.integration.datasets.conftest import World
from tests.integration.queries.rows import make_trace
from tests.integration.queries.score_rows import make_score, store_scores

HOSTILE = "<script>alert('x')</script>\" `"
ESCAPED = "&lt;script&gt;alert("


async def page(world: World, path: str, **params: Any) -> str:
    answer = await world.member.get(f"/p/{world.project_id}/llm/{path}", params=params)
    assert answer.status_code == 200, (path, answer.text)
    assert "<script>alert" not in answer.text
    return answer.text


async def send(world: World, path: str, **fields: str) -> httpx.Response:
    return await world.member.post(f"/p/{world.project_id}/llm/{path}", data=fields)


async def test_a_dataset_is_made_filled_by_a_file_and_removed_on_pages(world: World) -> None:
    assert "No dataset yet" in await page(world, "datasets")
    wrong = await send(world, "datasets", name=HOSTILE)
    assert wrong.status_code == 400
    assert ESCAPED in wrong.text
    made = await send(world, "datasets", name="shop", description=HOSTILE)
    assert made.headers["location"].endswith("/llm/datasets/shop")
    path = f"/p/{world.project_id}/llm/datasets/shop/items"
    rows = b'question,expected_output,id\n"<script>alert(1)</script>",yes,a\nWhy?,no,b\n'

    sent = await world.member.post(path, files={"file": ("x.csv", rows)})
    broken = await world.member.post(path, files={"file": ("x.jsonl", b'{"input":1,"<b>":2}')})

    assert sent.status_code == 303
    assert broken.status_code == 400
    assert "Line 1" in broken.text
    assert "<b>" not in broken.text.replace("<bdi>", "")
    shown = await page(world, "datasets/shop")
    assert "&lt;script&gt;alert(1)" in shown
    assert ESCAPED in shown
    assert "No call says yet" in shown
    assert (await send(world, "datasets/shop/remove", confirm="other")).status_code == 400
    assert (await send(world, "datasets/shop/remove", confirm="shop")).status_code == 303
    assert "No dataset yet" in await page(world, "datasets")


async def test_an_item_is_changed_and_archived(world: World) -> None:
    await world.dataset()
    path = "datasets/d/items/q1"
    assert "question 1" in await page(world, path)

    wrong = await send(world, path, input=HOSTILE, metadata="[1]")
    saved = await send(world, path, input=HOSTILE, expected_output="", archived="1")

    assert (wrong.status_code, saved.status_code) == (400, 303)
    assert ESCAPED in wrong.text
    item = await world.ask("/v1/datasets/d/items/q1")
    assert (item["input"], item["expected_output"], item["archived"]) == (HOSTILE, None, True)
    assert "q1" not in await page(world, "datasets/d")
    assert ESCAPED in await page(world, "datasets/d", archived="1")


async def test_a_call_becomes_an_item_with_an_answer_that_is_corrected(world: World) -> None:
    trace_id = str(uuid.uuid4())
    body = '{"model":"m","messages":[{"role":"user","content":"<script>alert(1)</script>"}]}'
    world.store(make_trace(world.project_id, trace_id, request_body=body, output_text=HOSTILE))
    assert "A new dataset" in await page(world, "add-to-dataset", trace=trace_id)
    await world.dataset(items=[])
    shown = await page(world, "add-to-dataset", trace=trace_id)
    assert ESCAPED in shown

    path = f"add-to-dataset?trace={trace_id}"
    fields = {"input": '{"q": 1}', "expected_output": "Corrected"}
    none = await send(world, path, dataset="none", **fields)
    added = await send(world, path, dataset="d", **fields)
    copied = await send(world, "copy-to-dataset", dataset="d", limit="0")

    assert (none.status_code, added.status_code, copied.status_code) == (400, 303, 400)
    item = await world.ask(f"/v1/datasets/d/items/{trace_id}")
    assert (item["input"], item["expected_output"]) == ({"q": 1}, "Corrected")
    missing = await world.member.get(f"/p/{world.project_id}/llm/add-to-dataset?trace=none")
    assert missing.status_code == 404


async def test_a_form_that_is_rejected_makes_no_dataset(world: World) -> None:
    trace_id = str(uuid.uuid4())
    world.store(make_trace(world.project_id, trace_id))
    path = f"add-to-dataset?trace={trace_id}"

    wrong = await send(world, path, dataset="+", name="fresh", input="null")
    assert (wrong.status_code, (await world.ask("/v1/datasets"))["datasets"]) == (400, [])
    made = await send(world, path, dataset="+", name="fresh", input="Why?")

    assert made.status_code == 303
    assert (await world.ask(f"/v1/datasets/fresh/items/{trace_id}"))["input"] == "Why?"


async def test_calls_of_a_list_become_items(world: World) -> None:
    await world.dataset(items=[])
    world.store(make_trace(world.project_id, str(uuid.uuid4()), output_text="said"))
    path = "copy-to-dataset?from=2025-05-01&to=2025-07-01"
    assert "At most" in await page(world, path)

    for where, items in (("&where=model%3Aother", 0), ("&where=model%3Agpt-4o", 1)):
        made = await send(world, f"{path}{where}", dataset="d", limit="10")

        assert made.status_code == 303
        found = (await world.ask("/v1/datasets/d/items"))["items"]
        assert [one["expected_output"] for one in found] == ["said"] * items


async def test_calls_of_a_list_become_a_dataset_of_their_own(world: World) -> None:
    large = '{"messages":"' + 300_000 * "x" + '"}'
    for body in ('{"messages":"Why?"}', large):
        world.store(make_trace(world.project_id, str(uuid.uuid4()), request_body=body))
    path = "copy-to-dataset?from=2025-05-01&to=2025-07-01"

    wrong = await send(world, path, dataset="+", name=HOSTILE, limit="10")
    made = await send(world, path, dataset="+", name="fresh", limit="10")
    again = await send(world, path, dataset="+", name="fresh", limit="10")

    assert (wrong.status_code, made.status_code, again.status_code) == (400, 303, 400)
    assert ESCAPED in wrong.text
    shown = (await world.member.get(made.headers["location"])).text
    assert "1 item was made of calls; 1 call was left out" in shown


async def test_runs_are_shown_in_pages(world: World) -> None:
    await world.dataset()
    world.store(*(world.call(f"run {n}", "q0", at_s=n) for n in range(51)))

    newest = await page(world, "datasets/d")
    oldest = await page(world, "datasets/d", runs="50")

    assert "run=run%2050" in newest.replace("+", "%20")
    assert ('run=run%200"' in newest.replace("+", "%20"), "Older runs" in newest) == (False, True)
    assert ('run=run%200"' in oldest.replace("+", "%20"), "Newer runs" in oldest) == (True, True)
    assert "No runs beyond these" in await page(world, "datasets/d", runs="100")


def test_json_is_shown_as_a_text_without_its_quotes_also_where_it_is_cut() -> None:
    assert plain('"a \\"b\\""') == 'a "b"'
    assert plain('"a cut t') == "a cut t"
    assert plain('"a cut \\u00') == '"a cut \\u00'
    assert plain('{"q": "x"}') == '{"q": "x"}'


async def test_runs_and_their_comparison_escape_what_senders_say(world: World) -> None:
    path = await world.dataset(items=[{"id": "i", "input": HOSTILE, "expected_output": HOSTILE}])
    said = {"output_text": HOSTILE}
    first = world.call(HOSTILE, "i", **said)
    second = world.call("second", "i", status="error", error=f'"{HOSTILE}"', at_s=5)
    world.store(first, second, world.call("second", HOSTILE))
    await world.key.post(f"{path}/runs", json={"name": "second", "description": HOSTILE})
    words = {"data_type": "categorical", "value": None, "text": HOSTILE, "name": "tone"}
    store_scores(
        world.warehouse,
        world.project_id,
        [
            *(
                make_score(f"s{n}", value=n / 2, trace_id=one.trace_id, name="a <b> score")
                for n, one in enumerate((first, second))
            ),
            make_score("w", trace_id=first.trace_id, **words),
        ],
    )

    shown = [
        await page(world, "datasets/d"),
        await page(world, "datasets/d/run", run=HOSTILE),
        await page(world, "datasets/d/run", run="second"),
        await page(world, "datasets/d/comparison", a=HOSTILE, b="second"),
    ]

    for text in shown:
        assert ESCAPED in text
        assert "a <b> score" not in text
    assert "a &lt;b&gt; score" in shown[-1]
    assert (await world.member.get(f"/p/{world.project_id}/llm/datasets/d/run")).status_code == 400
    for wrong in ("run?run=none", "comparison?a=none&b=second"):
        found = await world.member.get(f"/p/{world.project_id}/llm/datasets/d/{wrong}")
        assert found.status_code == 404


async def test_a_form_of_another_site_is_rejected(world: World) -> None:
    await world.dataset()
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}

    answer = await world.member.post(
        f"/p/{world.project_id}/llm/datasets/d/remove", data={"confirm": "d"}, headers=headers
    )

    assert answer.status_code == 403
    assert (await world.ask("/v1/datasets/d"))["items"] == 4
