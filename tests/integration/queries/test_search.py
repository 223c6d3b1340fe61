"""Words, attributes and cursors of the list of traces, over rows with known answers."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from msgspec import structs

from clickhouse import message_search, said_messages
from clickhouse.client import Warehouse
from clickhouse.llm import searching
from clickhouse.migrate import read_migrations, statements
from schemas.projects import ProjectContext, ProjectId
from tests.integration.queries.conftest import store_spans, store_traces
from tests.integration.queries.rows import make_span, make_trace
from tests.integration.queries.told import START_US, chat, identity, plain_span, store_told

Client = TestClient[Litestar]
HOSTILE = "`'\"; DROP TABLE traces --\\ {told:Array(String)} %"
SYSTEM = ("system", "You help with parcels.")
ASKED = ("user", "Where is it?\nFix this naïve line, C:\\new please")


def ids(client: Client, **asked: Any) -> list[str]:
    answer = client.get("/traces", params=asked)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert len(found["traces"]) == found["total"] or "limit" in asked
    return [one["traceId"] for one in found["traces"]]


def details(client: Client, query: str, path: str = "/traces") -> list[str]:
    answer = client.get(f"{path}?{query}")
    assert answer.status_code == 400, answer.text
    return [issue["path"][0] for issue in answer.json()["details"]]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("q=a", "q"),
        ("q=%22%20-%22", "q"),
        ("q=" + "x" * 201, "q"),
        ("q=" + "+".join(f"w{n}" for n in range(11)), "q"),
        ("cursor=x", "cursor"),
        ("cursor=1_a%5B%5D", "cursor"),
        ("cursor=1_a&offset=3", "offset"),
        ("attr.x=>ten", "attr.x"),
        ("attr.x=<1_0", "attr.x"),
        ("resource.x=>=nan", "resource.x"),
        ("&".join(f"attr.{n}=1" for n in range(11)), "attr.10"),
        (f"attr.{'x' * 201}=1", f"attr.{'x' * 195}"),
        ("user=a&user=b", "user"),
    ],
)
def test_a_bad_parameter_is_named(client: Client, query: str, name: str) -> None:
    assert details(client, query) == [name]


class TestWordsOfMessages:
    @pytest.fixture(autouse=True)
    def _stored(self, warehouse: Warehouse, project: ProjectContext) -> None:
        turns = [SYSTEM, ASKED]
        store_told(warehouse, project, [chat(1, 1, 1, turns, "Near Zürich, 顺丰速运已经发货")])
        # The next turn says all of it again, in another request, and so does another trace.
        more = [*turns, ("assistant", "Near Zürich, 顺丰速运已经发货"), ("user", "شكرا، جزيلا")]
        store_told(warehouse, project, [chat(1, 2, 2, more, 'Said "so": gpt-4o-mini')])
        store_told(warehouse, project, [chat(2, 1, 3, turns, "Elsewhere")])

    @pytest.mark.parametrize(
        ("q", "found"),
        [
            ("parcels", [(1, 1)]),
            ("PARCELS help", [(1, 1)]),
            ("parcel", []),
            # Each behind an escape of JSON.
            ("fix new", [(1, 1)]),
            ('"it fix this"', [(1, 1)]),
            ('"this fix"', []),
            ("this fix", [(1, 1)]),
            # All in one message, not in several.
            ("parcels fix", []),
            ("gpt-4o-mini", [(1, 2)]),
            ("4o-gpt", []),
            ("elsewhere", [(2, 1)]),
            ("naïve", [(1, 1)]),
            ("zürich", [(1, 1)]),
            ("速运", [(1, 1)]),
            ("速发", []),
            ('"Zürich, 顺丰"', [(1, 1)]),
            ("شكرا", [(1, 2)]),
            ("货 near", [(1, 1)]),
            # Names of fields are no words of a message, unless it says so.
            ("content", []),
            ("role", []),
            ("type text", []),
            ("user", []),
        ],
    )
    def test_a_message_answers_once_by_the_call_that_said_it_first(
        self, client: Client, q: str, found: list[tuple[int, int]]
    ) -> None:
        assert ids(client, q=q) == [identity(*one) for one in found]

    def test_it_narrows_with_everything_else(self, client: Client) -> None:
        assert ids(client, q="elsewhere", model="gpt-4o") == [identity(2, 1)]
        assert ids(client, q="elsewhere", model="o3") == []
        assert ids(client, q="parcels", date_from="2027-01-01") == []

    def test_another_project_finds_nothing(self, client: Client, warehouse: Warehouse) -> None:
        other = ProjectContext(ProjectId("other"))
        store_told(warehouse, other, [chat(1, 1, 1, [("user", "theirs alone")])])

        assert ids(client, q="theirs") == []

    def test_a_hostile_text_is_but_a_text(self, client: Client) -> None:
        assert ids(client, q=HOSTILE) == []
        assert ids(client, q="parcels") == [identity(1, 1)]


def test_definitions_of_tools_are_not_searched_but_what_tools_are_given_is(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    offered = '[{"type":"function","function":{"name":"lookup","description":"Tells the tide"}}]'
    asked = (
        '[{"role":"assistant","parts":[{"type":"tool_call","id":"c","name":"lookup",'
        '"arguments":{"harbour":"Emden"}}]}]'
    )
    tools = {"gen_ai.tool.definitions": offered, "gen_ai.output.messages": asked}
    store_told(warehouse, project, [chat(1, 1, 1, [SYSTEM], attributes=tools)])

    assert ids(client, q="tide") == []
    assert ids(client, q="lookup") == ids(client, q="emden") == [identity(1, 1)]


def test_what_an_agent_is_told_first_is_found_by_the_first_call_that_holds_it(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    said = [("user", "an errand")]
    agent = chat(1, 1, 1, said, kind="invoke_agent", tokens=None)
    store_told(warehouse, project, [agent, chat(1, 2, 2, said, parent=1)])
    store_told(warehouse, project, [chat(1, 3, 3, said, parent=1), chat(2, 1, 4, said)])

    assert ids(client, q="errand") == [identity(1, 2)]


def pages(client: Client, limit: int, **asked: Any) -> list[list[str]]:
    """All pages of a search, by their cursors."""
    found, cursor = [], dict[str, str]()
    while len(found) < 30:
        answer = client.get("/traces", params={"limit": limit, **asked, **cursor}).json()
        found.append([one["traceId"] for one in answer["traces"]])
        if answer["nextCursor"] is None:
            break
        cursor = {"cursor": answer["nextCursor"]}
    return found


def every(found: list[list[str]]) -> list[str]:
    return [one for page in found for one in page]


class TestManyMessages:
    @pytest.fixture(autouse=True)
    def _few_are_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (said_messages, message_search):
            monkeypatch.setattr(module, "MOST_FOUND", 3)
        monkeypatch.setattr(searching, "LEAST_COUNTED", 1)

    def test_a_search_goes_on_by_its_cursor(
        self, client: Client, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        spans = [chat(n, 1, n, [("user", f"order {n}")]) for n in range(1, 9)]
        store_told(warehouse, project, spans)

        assert every(pages(client, 2, q="order")) == [identity(n, 1) for n in range(8, 0, -1)]

    def test_calls_of_both_sorts_come_in_one_order(
        self, client: Client, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        spans = [chat(n, 1, n, [("user", f"order {n}")]) for n in range(2, 10, 2)]
        store_told(warehouse, project, spans)
        rows = [
            make_trace(
                project.project_id,
                f"json-{n}",
                request_body='{"content":"an order"}',
                timestamp_us=START_US + n * 1_000_000,
            )
            for n in range(1, 10, 2)
        ]
        store_traces(warehouse, rows)
        names = [f"json-{n}" if n % 2 else identity(n, 1) for n in range(9, 0, -1)]

        for limit in (1, 2, 100):
            assert every(pages(client, limit, q="order")) == names, limit
        assert ids(client, q="order", limit=2, offset=3) == names[3:5]

    def test_what_an_agent_said_before_the_page_is_found_by_a_call_of_the_page(
        self, client: Client, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        said = [("user", "order 0")]
        agent = chat(1, 1, 0, said, kind="invoke_agent", tokens=None, ms=9_000_000)
        others = [chat(n, 1, n * 1_000, [("user", f"order {n}")]) for n in range(2, 8)]
        store_told(warehouse, project, [agent, chat(1, 2, 8_000, said, parent=1), *others])
        # The row of the message that the call brought is gone then.
        warehouse.command_now("OPTIMIZE TABLE messages FINAL", None, {})
        names = [identity(1, 2), *(identity(n, 1) for n in range(7, 1, -1))]

        assert every(pages(client, 1, q="order")) == names
        assert every(pages(client, 2, q="order")) == names

    def test_a_moment_with_more_messages_than_are_looked_at_is_looked_at_again(
        self, client: Client, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        spans = [chat(n, 1, (n + 1) // 3, [("user", f"order {n}")]) for n in range(1, 9)]
        store_told(warehouse, project, spans)

        found = every(pages(client, 2, q="order"))

        assert found == [identity(n, 1) for n in range(8, 0, -1)]

    def test_a_page_is_looked_for_until_it_is_full(
        self, client: Client, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        spans = [
            chat(n, 1, n, [("user", f"order {n}")], attributes={"user.id": "ann" if n < 3 else "b"})
            for n in range(1, 9)
        ]
        store_told(warehouse, project, spans)

        found = pages(client, 2, q="order", user="ann")

        assert every(found) == [identity(2, 1), identity(1, 1)]


def test_what_was_said_years_before_the_newest_call_is_found(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    days = (1, 2, 40, 400, 4_000)
    spans = [chat(n, 1, -n * 86_400, [("user", f"order of day {n}")]) for n in days]
    store_told(warehouse, project, [*spans, chat(5, 1, 60, [("user", "else")])])

    assert ids(client, q="order") == [identity(n, 1) for n in days]
    assert ids(client, q='"of day 4000"') == [identity(4_000, 1)]


def test_messages_of_a_store_without_the_index_of_times_are_found_after_its_upgrade(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    (migration,) = [one for one in read_migrations() if one.name.endswith("_message_times.sql")]
    warehouse.command_now("ALTER TABLE messages DROP INDEX by_timestamp", None, {})
    store_told(warehouse, project, [chat(1, 1, -86_400, [("user", "an old order")])])

    for _ in range(2):
        for statement in statements(migration.text):
            warehouse.command_now(statement, None, {})
    store_told(warehouse, project, [chat(2, 1, 1, [("user", "a new order")])])

    assert ids(client, q="order") == [identity(2, 1), identity(1, 1)]
    assert ids(client, q="old") == [identity(1, 1)]


class TestBodies:
    @pytest.fixture(autouse=True)
    def _stored(self, warehouse: Warehouse, project: ProjectContext) -> None:
        def trace(name: str, body: str, output: str | None) -> Any:
            return make_trace(
                project.project_id, name, request_body=body, output_text=output, timestamp_us=1
            )

        store_traces(
            warehouse,
            [
                trace("a", r'{"content":"first\nSecond gpt-4o"}', "an Answer"),
                trace("b", r'{"content":"\u4f60\u597d \u00fc"}', "世界你好"),
                trace("c", r'{"content":"plain"}', None),
            ],
        )
        tools = {"a": r'{"command":"make\ncheck"}', "b": r'{"query":"北京天气"}', "c": ""}
        store_spans(
            warehouse,
            [make_span(project.project_id, key, tool_input=text) for key, text in tools.items()],
        )

    @pytest.mark.parametrize(
        ("q", "found"),
        [
            ("second", ["a"]),
            ("answer first", ["a"]),
            ('"first second"', ["a"]),
            ('"second first"', []),
            ("gpt-4o", ["a"]),
            ("你好", ["b"]),
            ("世界", ["b"]),
            ("PLAIN", ["c"]),
            ("plai", []),
            (HOSTILE, []),
        ],
    )
    def test_words_of_prompts_and_answers_are_found(
        self, client: Client, q: str, found: list[str]
    ) -> None:
        assert ids(client, q=q) == found

    @pytest.mark.parametrize(
        ("q", "found"), [("check make", ["a"]), ("天气", ["b"]), ('"make all"', []), (HOSTILE, [])]
    )
    def test_words_of_what_tools_were_given_are_found(
        self, client: Client, q: str, found: list[str]
    ) -> None:
        answer = client.get("/spans", params={"q": q}).json()

        assert [one["spanId"] for one in answer["spans"]] == found
        assert answer["total"] == len(found)


ASKED_OF_SPANS: list[tuple[str, list[int]]] = [
    ("attr.size=5", [3, 2]),
    ("attr.size=5&attr.size=70", [3, 2, 1]),
    ("attr.size=>5", [4, 1]),
    ("attr.size=>=5", [4, 3, 2, 1]),
    ("attr.size=>5&attr.size=<100", [1]),
    ("attr.size=<=5", [3, 2]),
    ("attr.size=!=5", [5, 4, 1]),
    ("attr.size=!=5&attr.size=!=70", [5, 4]),
    ("attr.size=*", [4, 3, 2, 1]),
    ("attr.size=!=*", [5]),
    ("attr.size=", [5]),
    ("attr.sign==>5", [1]),
    ("attr.a.b%60'=x", [2]),
    ("attr.ok=true", [4]),
    ("resource.deployment.region=eu", [5, 4, 3, 2, 1]),
    ("resource.deployment.region=us", []),
    ("service=shop&convention=genai", [5, 4, 2, 1]),
    ("service=other", []),
    ("user=ann", [2]),
    ("tag=vip", [3]),
    ("tag=vi", []),
    ("min_latency_ms=50", [5]),
    ("max_latency_ms=5&attr.size=5", [3, 2]),
    ("attr.size=%27%3B+DROP+TABLE+traces+--", []),
]


@pytest.fixture
def told(warehouse: Warehouse, project: ProjectContext) -> None:
    def call(number: int, ms: float = 5, **attributes: Any) -> dict[str, Any]:
        return chat(number, 1, number, ms=ms, attributes=attributes)

    spans = [
        call(1, size=70, sign=">5"),
        call(2, size="5", **{"a.b`'": "x", "user.id": "ann"}),
        call(3, size=5.0, **{"langfuse.trace.tags": ["vip", "new"]}),
        call(4, size=1000, ok=True),
        call(5, ms=60),
        plain_span(6, 1, 6, {"size": 5, "http.request.method": "GET"}, name="GET /"),
    ]
    resource = {"service.name": "shop", "deployment.region": "eu"}
    store_told(warehouse, project, spans, resource=resource)
    store_told(warehouse, ProjectContext(ProjectId("other")), [call(7, size=5)])


@pytest.mark.usefixtures("told")
def test_calls_are_found_by_what_their_spans_have(client: Client) -> None:
    found = {query: ids_in(client, query) for query, _ in ASKED_OF_SPANS}

    assert found == {query: [identity(n, 1) for n in numbers] for query, numbers in ASKED_OF_SPANS}


def ids_in(client: Client, query: str) -> list[str]:
    answer = client.get(f"/traces?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] == len(answer.json()["traces"])
    return [one["traceId"] for one in answer.json()["traces"]]


def test_pages_stay_as_they_are_while_rows_come(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    names = ["a", "b", "c[]", 'd"', "e/ü"]
    rows = [make_trace(project.project_id, name, timestamp_us=7) for name in names]
    store_traces(warehouse, rows)
    found, cursor = [], {}
    while True:
        page = client.get("/traces", params={"limit": 2, **cursor}).json()
        found += [one["traceId"] for one in page["traces"]]
        # Newer ones, and one of the same moment that the page before would have had.
        late = make_trace(project.project_id, f"z{len(found)}", timestamp_us=7)
        store_traces(warehouse, [late, structs.replace(late, trace_id="y", timestamp_us=9)])
        if page["nextCursor"] is None:
            break
        cursor = {"cursor": page["nextCursor"]}

    assert found == ["e/ü", 'd"', "c[]", "b", "a"]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=501", "limit"),
        ("min_duration_ms=-1", "min_duration_ms"),
        ("max_duration_ms=nan", "max_duration_ms"),
        ("date_from=2020-01-01", "date_from"),
        ("attr.x=<", "attr.x"),
        ("cursor=a", "cursor"),
        ("service=" + "x" * 513, "service"),
        ("q=%21%21", "q"),
    ],
)
def test_a_bad_parameter_of_spans_is_named(client: Client, query: str, name: str) -> None:
    assert details(client, query, "/otel/spans") == [name]


SPANS: list[tuple[str, list[int]]] = [
    ("", [6, 5, 4, 3, 2, 1]),
    ("kind=llm", [5, 4, 3, 2, 1]),
    ("kind=span", [6]),
    ("convention=genai&attr.size=70", [1]),
    ("name=GET+/", [6]),
    ("attr.size=5", [6, 3, 2]),
    ("attr.size=>=5&attr.http.request.method=GET", [6]),
    ("resource.service.name=shop&service=shop&max_duration_ms=5", [6, 4, 3, 2, 1]),
    ("min_duration_ms=59.9&status=unset", [5]),
    ("user=ann", [2]),
    (f"trace_id={6:032X}", [6]),
    ("q=get", [6]),
    ("q=%27+OR+1%3D1+--", []),
    ("host=x", []),
]


@pytest.mark.usefixtures("told")
def test_spans_of_any_sort_are_found(client: Client) -> None:
    within = "date_from=2026-09-01&date_to=2026-10-01"

    found = {
        query: [one["id"] for one in client.get(f"/otel/spans?{within}&{query}").json()["spans"]]
        for query, _ in SPANS
    }

    assert found == {query: [identity(n, 1) for n in numbers] for query, numbers in SPANS}


@pytest.mark.usefixtures("told")
def test_spans_come_in_pages_with_what_they_have(client: Client) -> None:
    asked = {"date_from": "2026-09-01", "date_to": "2026-10-01", "limit": 4}

    first = client.get("/otel/spans", params=asked).json()
    rest = client.get("/otel/spans", params={**asked, "cursor": first["nextCursor"]}).json()

    assert [one["id"] for one in (*first["spans"], *rest["spans"])] == [
        identity(n, 1) for n in range(6, 0, -1)
    ]
    assert rest["nextCursor"] is None
    plain = first["spans"][0]
    assert plain["attributes"] == {"size": 5, "http.request.method": "GET"}
    assert plain["resource"] == {"service.name": "shop", "deployment.region": "eu"}
    assert (plain["name"], plain["kind"], plain["durationMs"]) == ("GET /", "span", 5)
