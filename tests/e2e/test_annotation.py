"""Annotation queues over HTTP: made, filled, annotated through the log, and agreement on it."""

from contextlib import closing
from typing import Any

import pytest

from schemas.llm.examples import QUEUE
from tests.e2e.payloads import new_id, trace
from tests.e2e.people import join
from tests.e2e.server import Project, Server, create_project, wait_for

QUEUES = "/dashboard/api/annotation-queues"


class Annotated:
    """A project with a queue of two items, and two people who annotate."""

    def __init__(self, server: Server) -> None:
        self.project: Project = create_project(server, "Annotated")
        self.own = {"X-Project-Id": self.project.project_id}
        self.admin = server.admin
        made = self.admin.post(QUEUES, json=QUEUE, headers=self.own)
        assert made.status_code == 201, made.text
        self.queue_id = made.json()["id"]
        self.calls = [new_id(), new_id()]
        sent = {"items": [{"trace_id": one} for one in self.calls]}
        added = self.project.post(f"/v1/annotation-queues/{self.queue_id}/items", sent)
        assert added.json() == {"added": 2, "already": 0}
        self.items = [one["id"] for one in self.get("/items")["items"]]

    def get(self, path: str = "") -> Any:
        return self.project.get(f"/v1/annotation-queues/{self.queue_id}{path}").json()

    def say(self, item: int, **said: Any) -> Any:
        path = f"{QUEUES}/{self.queue_id}/items/{self.items[item]}/scores"
        return self.admin.post(path, json=said, headers=self.own)

    def scores(self) -> dict[str, Any]:
        found = self.project.get("/v1/scores", source="annotation").json()["scores"]
        return {f"{self.calls.index(one['traceId'])} {one['name']}": one for one in found}


@pytest.fixture(scope="module")
def annotated(server: Server) -> Annotated:
    return Annotated(server)


def test_what_a_person_says_becomes_scores_of_theirs_and_is_changed_by_the_next_saving(
    annotated: Annotated,
) -> None:
    first = annotated.say(0, values={"helpfulness": 4, "tone": "kind"}, comment="as it should")
    assert first.status_code == 202, first.text
    wait_for(lambda: len(annotated.scores()) == 2, "the scores")

    found = annotated.scores()["0 helpfulness"]
    assert (found["value"], found["author"]) == (4, "admin@example.com")
    assert found["comment"] == "as it should"
    assert annotated.get()["people"][0]["done"] == 1

    # Back again: a value is changed, one is taken away, one is new.
    again = annotated.say(0, values={"helpfulness": 2, "correct": False})
    assert again.json()["ids"][0] == first.json()["ids"][0]
    changed = {"0 helpfulness": 2, "0 correct": False}
    wait_for(
        lambda: {name: one["value"] for name, one in annotated.scores().items()} == changed,
        "the change",
    )
    # And to what it was: another saving of the same.
    assert annotated.say(0, values={"helpfulness": 4, "tone": "kind"}).status_code == 202
    wait_for(lambda: annotated.scores().get("0 helpfulness", {}).get("value") == 4, "the first")
    details = annotated.get()
    assert (details["reviews"], details["done"], details["items"]) == (1, 0, 2)


def test_a_call_that_came_with_a_key_is_shown_with_what_is_asked_of_it(
    annotated: Annotated,
) -> None:
    sent = annotated.project.post("/v1/traces/batch", [trace(trace_id=annotated.calls[0])])
    assert sent.status_code == 202, sent.text
    path = f"/p/{annotated.project.project_id}/llm/annotation/{annotated.queue_id}/items"

    def shown() -> str:
        page = annotated.admin.get(f"{path}/{annotated.items[0]}")
        assert page.status_code == 200, page.text
        return page.text

    wait_for(lambda: "API key" in shown(), "the call on the page of its item")
    assert "helpfulness" in shown()


def test_items_are_listed_in_pages(annotated: Annotated) -> None:
    path = f"/v1/annotation-queues/{annotated.queue_id}/items"

    first = annotated.project.get(path, limit=1).json()
    second = annotated.project.get(path, limit=1, cursor=first["next_cursor"]).json()

    assert [one["id"] for page in (first, second) for one in page["items"]] == annotated.items
    assert second["next_cursor"] is None
    for wrong in ({"limit": 0}, {"cursor": "x"}, {"other": 1}):
        assert annotated.project.get(path, **wrong).status_code == 400


def test_queues_are_made_changed_and_removed_by_admins_and_items_added_with_tokens(
    annotated: Annotated,
) -> None:
    token = annotated.project.make_token(scope="admin")
    base = f"/api/v1/projects/{annotated.project.project_id}/annotation-queues"
    with annotated.project.server.client(token) as http:
        made = http.post(base, json={**QUEUE, "name": "By token"})
        assert made.status_code == 201, made.text
        one = f"{base}/{made.json()['id']}"
        assert http.post(base, json={**QUEUE, "name": "By token"}).status_code == 409
        wrong = http.post(base, json={"name": "x", "scores": [{"name": "a", "type": "stars"}]})
        assert (wrong.status_code, "stars" in wrong.text) == (400, True)
        assert http.patch(one, json={"reviewers": 0}).status_code == 400
        assert http.patch(one, json={"reviewers": 3}).json()["reviewers"] == 3
        sent = {"items": [{"session_id": "s"}]}
        assert http.post(f"{one}/items", json=sent).json() == {"added": 1, "already": 0}
        assert http.post(f"{one}/items", json={"items": []}).status_code == 400
        assert http.delete(one).status_code == 200
        assert http.get(one).status_code == 404


@pytest.mark.parametrize(
    "said",
    [
        {"values": {}},
        {"values": {"helpfulness": 6}},
        {"values": {"tone": "sad"}},
        {"values": {"correct": 1}},
        {"values": {"helpfulness": True}},
        {"values": {"unknown": 1}},
        {"values": {"helpfulness": 1}, "more": 1},
        {"values": {"helpfulness": 1}, "comment": "x" * 10_001},
    ],
)
def test_what_the_queue_does_not_ask_for_is_rejected(
    annotated: Annotated, said: dict[str, Any]
) -> None:
    answer = annotated.say(1, **said)

    assert answer.status_code == 400, answer.text
    assert answer.json()["details"]


def test_agreement_is_told_once_others_have_said_something_too(annotated: Annotated) -> None:
    path = f"{QUEUES}/{annotated.queue_id}/items/{annotated.items[1]}/scores"
    with closing(join(annotated.project.server, annotated.project)) as bob:
        # The last word of each counts, and once.
        for value in (True, False, False):
            body = {"values": {"correct": value}}
            assert bob.post(path, json=body, headers=annotated.own).status_code == 202
    assert annotated.say(1, values={"correct": True}).status_code == 202
    wait_for(lambda: annotated.get("/agreement")["differing"], "the difference")

    told = annotated.get("/agreement")

    correct = next(one for one in told["scores"] if one["name"] == "correct")
    assert (correct["items"], correct["values"], correct["agreement"]) == (1, 2, 0)
    assert correct["alpha"] == 0
    (differing,) = told["differing"]
    assert differing["item"]["id"] == annotated.items[1]
    assert sorted(one["value"] for one in differing["said"]) == [False, True]


def test_the_holder_of_a_key_annotates_nothing_and_changes_no_answer(annotated: Annotated) -> None:
    path = f"{QUEUES}/{annotated.queue_id}/items/{annotated.items[0]}/scores"
    own = f"annotation.{annotated.queue_id}.{annotated.items[0]}.other"
    about = {"name": "correct", "value": False, "trace_id": annotated.calls[0]}

    answer = annotated.project.post(path, {"values": {"correct": True}})
    forged = annotated.project.post("/v1/scores", {"id": own, **about})
    with annotated.project.server.client(annotated.project.key) as http:
        taken_away = http.delete(f"/v1/scores/{own}")

    assert (answer.status_code, forged.status_code, taken_away.status_code) == (401, 400, 400)
    assert forged.json()["details"][0]["path"] == [0, "id"]


def test_a_member_takes_away_what_they_said_themselves_and_an_admin_what_anybody_said(
    annotated: Annotated,
) -> None:
    queue = f"{QUEUES}/{annotated.queue_id}/items/{annotated.items[0]}/scores"
    with closing(join(annotated.project.server, annotated.project)) as bob:
        said = bob.post(queue, json={"values": {"correct": True}}, headers=annotated.own)
        own = next(one for one in said.json()["ids"])
        others = annotated.say(0, values={"helpfulness": 4}).json()["ids"][0]
        machines = "/dashboard/api/scores/machine-1"
        answers = [
            bob.delete(path, headers=annotated.own).status_code
            for path in (
                f"/dashboard/api/scores/{others}",
                f"/dashboard/api/scores/annotation.{new_id()}.x.y",
                f"/dashboard/api/scores/{own}",
                machines,
            )
        ]
    by_admin = annotated.admin.delete(f"/dashboard/api/scores/{own}", headers=annotated.own)

    assert answers == [403, 403, 202, 202]
    assert by_admin.status_code == 202


def test_only_a_form_takes_the_next_item_and_whoever_added_an_item_removes_it(
    annotated: Annotated,
) -> None:
    server, project = annotated.project.server, annotated.project
    page = f"/p/{project.project_id}/llm/annotation/{annotated.queue_id}"
    items = f"{QUEUES}/{annotated.queue_id}/items"
    hostile = "<img src=x>"
    form = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    with closing(join(server, project)) as bob:
        assert bob.get(f"{page}/work").status_code == 200
        added = bob.post(items, json={"items": [{"session_id": hostile}]}, headers=annotated.own)
        assert added.json()["added"] == 1
        own = annotated.get("/items")["items"][-1]["id"]
        shown = bob.get(page).text
        assert hostile not in shown
        assert (f"/items/{own}/remove" in shown, f"{annotated.items[0]}/remove" in shown) == (
            *(True, False),
        )
        assert bob.get(f"{page}/work").status_code == 200
        led = bob.post(f"{page}/work", headers=form)
        assert (led.status_code, "/items/" in led.headers["location"]) == (303, True)
        removed = [bob.delete(f"{items}/{own}", headers=annotated.own) for _ in range(2)]
        other = bob.delete(f"{items}/{annotated.items[0]}", headers=annotated.own)

    assert [one.status_code for one in removed] == [200, 200]
    assert other.status_code == 403
    assert [one["id"] for one in annotated.get("/items")["items"]] == annotated.items
