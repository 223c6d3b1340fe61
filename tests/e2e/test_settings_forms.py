"""The forms of the settings and of the account: what they change, and what they say is wrong."""

import re
from collections.abc import Iterator
from html import unescape
from typing import ClassVar, NamedTuple

import httpx
import pytest

from tests.e2e.payloads import new_id
from tests.e2e.people import PASSWORD, join
from tests.e2e.server import COOKIE, EMAIL, Project, Server, create_project
from tests.integration.issues.source_maps.uploading import sha1, shop_bundle

ONCE = "sluice_once"
WRONG = re.compile(r'aria-invalid="true" aria-describedby="w-\w-(\w+)')


class World(NamedTuple):
    """A project, its admin, and a member who is none."""

    server: Server
    project: Project
    admin: httpx.Client
    member: httpx.Client

    def path(self, rest: str = "") -> str:
        return f"/p/{self.project.project_id}/settings{rest}"

    def post(self, rest: str, **fields: str) -> httpx.Response:
        return self.admin.post(self.path(rest), data={"": "", **fields})

    def page(self, rest: str = "", **query: str) -> str:
        answer = self.admin.get(self.path(rest), params=query)
        assert answer.status_code == 200, answer.text
        return unescape(answer.text)


@pytest.fixture(scope="module")
def world(server: Server) -> Iterator[World]:
    project = create_project(server)
    member = join(server, project, name="Gus")
    yield World(server, project, server.admin, member)
    member.close()


def says(answer: httpx.Response, field: str, text: str) -> None:
    """Checks that a form comes back with what is wrong at one field, or with none, of it all."""
    assert answer.status_code == 400, answer.text
    assert WRONG.findall(answer.text) == ([field] if field else [])
    assert text in unescape(answer.text)
    assert 'role="alert"' in answer.text


def leads_to(answer: httpx.Response, path: str) -> None:
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, path)


def first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found is not None, f"no {pattern} in {text}"
    return found[1]


class TestProject:
    def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(
        self, world: World
    ) -> None:
        form = {"name": "Typed", "cost": "computed", "zone": "UTC", "days": ""}

        says(world.post("", **form | {"zone": "Europe/Berlim"}), "zone", "Europe/Berlin")
        says(world.post("", **form | {"days": "soon"}), "days", "expected 1 to 3650")
        says(world.post("", **form | {"days": "0"}), "days", "between 1 and 3650")
        says(world.post("", **form | {"name": " "}), "name", "cannot be empty")
        says(world.post("", **form | {"name": "First"}), "name", "already")
        assert 'value="Typed"' in world.post("", **form | {"days": "x"}).text
        assert "Typed" not in world.page()

    def test_what_is_right_counts(self, world: World) -> None:
        form = {"name": f"Shop {new_id()}", "cost": "computed", "zone": "UTC", "days": "30"}

        leads_to(world.post("", **form), world.path())

        assert f'value="{form["name"]}"' in world.page()
        details = world.admin.get(f"/dashboard/api/projects/{world.project.project_id}").json()
        assert (details["costPreference"], details["retentionDays"]) == ("computed", 30)

    def test_days_and_rules_are_previewed_set_and_shown_as_texts(self, world: World) -> None:
        form = {
            "days_logs": "14",
            "when_0": "environment",
            "value_0": '<b>"x',
            "rule_days_0": "99",
            "act": "preview",
        }
        assert "would delete nothing now" in world.post("/retention", **form).text
        assert 'value="14"' not in world.page("/retention")
        says(world.post("/retention", **form | {"days_logs": "0"}), "days_logs", "1 to 3650")

        leads_to(world.post("/retention", **form | {"act": "save"}), world.path("/retention"))

        shown = world.admin.get(world.path("/retention")).text
        assert "<b>" not in shown
        assert 'value="14"' in shown
        assert "The last change counts from" in shown
        answer = world.admin.get(
            "/dashboard/api/retention", headers={"X-Project-Id": world.project.project_id}
        ).json()
        assert answer["policy"]["rules"] == [{"when": "environment", "days": 99, "value": '<b>"x'}]
        assert answer["before"] == {}
        member = world.member.post(world.path("/retention"), data=form)
        assert member.status_code in (403, 404)

    def test_a_project_is_deleted_by_its_name_alone(self, world: World) -> None:
        other = create_project(world.server, "To be deleted")
        path = f"/p/{other.project_id}/settings"
        name = first(r'name="name" type="text" value="([^"]+)"', world.admin.get(path).text)

        kept = world.admin.post(f"{path}/delete", data={"confirm": "to be"})
        says(kept, "", "Nothing was deleted")
        assert other.get("/v1/traces").status_code == 200
        leads_to(world.admin.post(f"{path}/delete", data={"confirm": name}), "/")

        assert world.admin.get(path).status_code == 404
        assert other.get("/v1/traces").status_code == 401

    def test_another_one_is_made_with_a_key_that_is_shown_once(self, world: World) -> None:
        name = f"Bakery {new_id()}"

        made = world.admin.post("/new-project", data={"name": name})
        keys = made.headers["location"]
        shown, again = world.admin.get(keys).text, world.admin.get(keys).text

        assert re.fullmatch(r"/p/[0-9a-f-]{36}/settings/keys", keys)
        key = first(r"<code>(pulse_sk_[0-9a-f-]{36})</code>", shown)
        assert key not in again
        assert world.server.client(key).get("/v1/traces").status_code == 200
        says(world.admin.post("/new-project", data={"name": name}), "name", "already")


class TestMembers:
    def test_a_link_is_shown_once_and_stands_in_no_address_and_no_log(self, world: World) -> None:
        made = world.post("/members/invite", email="a@example.com", role="user")
        leads_to(made, world.path("/members"))
        token = first(r"/invite\?token=([\w-]+)", world.page("/members"))

        assert token not in world.page("/members")
        assert token not in made.headers["location"] + made.headers["set-cookie"]
        assert "HttpOnly" in made.headers["set-cookie"]
        assert token not in world.server.output.read_text(errors="replace")
        with world.server.client(None) as guest:
            assert guest.get("/invite", params={"token": token}).status_code == 200

    def test_what_one_session_is_to_see_once_opens_in_no_other(self, world: World) -> None:
        made = world.post("/members/invite", email="b@example.com", role="user")
        sealed = first(rf"{ONCE}=([^;]+)", made.headers["set-cookie"])

        def shown(client: httpx.Client, page: str) -> str:
            cookies = f"{COOKIE}={client.cookies[COOKIE]}; {ONCE}={sealed}"
            answer = client.get(world.path(page), headers={"Cookie": cookies})
            assert answer.status_code == 200
            return answer.text

        assert "/invite?token=" not in shown(world.member, "/members")
        assert "/invite?token=" in shown(world.admin, "/members")

    def test_it_is_revoked(self, world: World) -> None:
        world.post("/members/invite", email="revoked@example.com", role="admin")
        page = world.page("/members")
        token = first(r"/invite\?token=([\w-]+)", page)
        row = page[page.index("revoked@example.com") :]
        path = first(r'action="([^"]+/revoke)"', row)

        leads_to(world.admin.post(path, data={"": ""}), world.path("/members"))

        assert "revoked@example.com" not in world.page("/members")
        with world.server.client(None) as guest:
            assert guest.get("/invite", params={"token": token}).status_code == 404

    def test_whom_nobody_can_invite_is_said_at_the_field(self, world: World) -> None:
        says(world.post("/members/invite", email="nobody", role="user"), "email", "such as ann@")
        says(world.post("/members/invite", email=EMAIL, role="user"), "email", "already a member")
        says(world.post("/members/invite", email="d@example.com", role="boss"), "role", "admin")

    def test_roles_change_and_the_last_admin_stays(self, world: World) -> None:
        page = world.page("/members")
        ids = re.findall(r"/members/([0-9a-f-]{36})/role", page)
        own, other = ids

        leads_to(world.post(f"/members/{other}/role", role="admin"), world.path("/members"))
        assert world.member.get(world.path("/keys")).text.count("pulse_sk_") >= 1
        leads_to(world.post(f"/members/{other}/role", role="user"), world.path("/members"))
        says(world.post(f"/members/{own}/role", role="user"), "", "last admin")
        says(world.post(f"/members/{own}/remove", confirm=EMAIL), "", "last admin")

    def test_a_member_sees_themselves_and_leaves_by_their_email(self, world: World) -> None:
        gus = join(world.server, world.project, name="Leaver")
        page = gus.get(world.path("/members")).text
        (path,) = re.findall(r'action="(/p/[^"]+/members/[^"]+)"', page)
        email = first(r"Type <bdi>([^<]+@example.com)</bdi>", page)

        assert EMAIL not in page
        says(gus.post(path, data={"confirm": "me"}), "", "Nobody was removed")
        leads_to(gus.post(path, data={"confirm": email.upper()}), "/")

        assert gus.get(world.path("/members")).status_code == 404
        assert email not in world.page("/members")
        assert "no project is yours" in gus.get("/", headers={"Accept": "text/html"}).text


class TestKeys:
    def test_one_is_made_shown_once_renamed_and_revoked_by_its_name(self, world: World) -> None:
        leads_to(world.post("/keys", name="CI <b>"), world.path("/keys"))
        page = world.page("/keys")
        key = first(r"<code>(pulse_sk_[0-9a-f-]{36})</code>", page)
        client = world.server.client(key)

        assert f"Authorization: Bearer {key}" in page
        assert key not in world.page("/keys")
        assert client.get("/v1/traces").status_code == 200
        assert key not in world.server.output.read_text(errors="replace")
        row = page[page.rindex("New name of CI <b>") - 400 :]
        path = first(r"/settings(/keys/[0-9a-f-]{36})/rename", row)
        says(world.post(f"{path}/rename", new_name=" "), "", "cannot be empty")
        leads_to(world.post(f"{path}/rename", new_name="CI"), world.path("/keys"))
        says(world.post(f"{path}/revoke", confirm="CI <b>"), "", "Nothing was revoked")
        leads_to(world.post(f"{path}/revoke", confirm="CI"), world.path("/keys"))
        assert client.get("/v1/traces").status_code == 401

    def test_one_without_a_name_is_not_made(self, world: World) -> None:
        says(world.post("/keys", name=" "), "name", "cannot be empty")

    def test_members_see_no_key_but_what_to_copy(self, world: World) -> None:
        page = world.member.get(world.path("/keys")).text

        assert "pulse_sk_" not in page
        assert "ask one of its admins" in page
        assert f"{world.server.url}/v1/traces/batch" in page


class TestSourceMaps:
    def test_an_upload_is_removed_by_what_its_form_says(self, world: World) -> None:
        token = world.project.make_token(name="ci", scope="write")
        of = "/api/0/organizations/any/"
        bundle = shop_bundle()
        with world.server.client(token) as client:
            client.post(f"{of}chunk-upload/", files=[("file", (sha1(bundle), bundle))])
            asked = {"checksum": sha1(bundle), "chunks": [sha1(bundle)], "projects": []}
            made = client.post(f"{of}artifactbundle/assemble/", json=asked)
        assert made.json()["state"] == "ok", made.text

        path = first(r"/settings(/source-maps/[^/]+/remove)", world.page("/source-maps"))
        word = first(r"Type <bdi>(\w+)</bdi>", world.page("/source-maps"))
        says(world.post(path), "", f"Nothing was removed: type {word}")
        says(world.post(path, confirm="app.js"), "", "Nothing was removed")
        leads_to(world.post(path, confirm=word), world.path("/source-maps"))

        assert "No source maps yet" in world.page("/source-maps")


class TestDsns:
    def test_one_is_made_and_revoked_by_its_label(self, world: World) -> None:
        leads_to(world.post("/dsn", label="Web <b>", environment="staging"), world.path("/dsn"))
        page = world.page("/dsn")
        row = page[page.index("Web <b>") :]

        host = world.server.url.removeprefix("http://")
        dsn = first(rf"<code>(http://[0-9a-f]{{32}}@{host}/\d+)</code>", row)
        assert "staging" in row[: row.index("</tr>")]
        path = first(r"/settings(/dsn/[0-9a-f-]{36}/revoke)", row)
        says(world.post(path, confirm="Web"), "", "Nothing was revoked")
        leads_to(world.post(path, confirm="Web <b>"), world.path("/dsn"))
        assert dsn not in world.page("/dsn")

    def test_what_is_wrong_is_said_at_its_field(self, world: World) -> None:
        says(world.post("/dsn", label="x" * 81), "label", "at most 80")
        says(world.post("/dsn", label="a", environment="x" * 65), "environment", "at most 64")

    def test_members_copy_it_and_change_nothing(self, world: World) -> None:
        page = world.member.get(world.path("/dsn")).text

        dsn = first(r"<code>(http://[0-9a-f]{32}@[^<]+)</code>", page)
        assert f'dsn="{dsn}"' in unescape(page)
        assert "ask one of its admins" in page
        assert 'method="post" action="/p/' not in page


class TestTokens:
    FORM: ClassVar = {"name": "CI <b>", "scope": "write", "days": "30"}

    def test_one_is_made_shown_once_and_revoked_by_its_name(self, world: World) -> None:
        leads_to(world.post("/tokens", **self.FORM), world.path("/tokens"))
        page = world.page("/tokens")
        token = first(r"<code>(oscp_[0-9a-f]{48})</code>", page)

        assert token not in world.page("/tokens")
        assert token not in world.server.output.read_text(errors="replace")
        row = page[page.index("CI <b></th>") :]
        assert f"oscp_…{token[-4:]}" in row
        path = first(r"/settings(/tokens/[0-9a-f-]{36}/revoke)", row)
        says(world.post(path, confirm="CI"), "", "Nothing was revoked")
        leads_to(world.post(path, confirm="CI <b>"), world.path("/tokens"))
        assert f"oscp_…{token[-4:]}" not in world.page("/tokens")

    def test_what_is_wrong_is_said_at_its_field(self, world: World) -> None:
        says(world.post("/tokens", **self.FORM | {"name": " "}), "name", "cannot be empty")
        says(world.post("/tokens", **self.FORM | {"scope": "all"}), "scope", "'read', 'write'")
        says(world.post("/tokens", **self.FORM | {"days": "1e9"}), "days", "one of those")

    def test_members_are_told_why_they_see_none(self, world: World) -> None:
        world.post("/tokens", **self.FORM | {"name": "not-for-members"})

        page = world.member.get(world.path("/tokens")).text

        assert "not-for-members" not in page
        assert "ask one of its admins" in page

    def test_a_person_makes_and_revokes_their_own(self, world: World) -> None:
        leads_to(world.member.post("/account/tokens", data=self.FORM), "/account")
        page = unescape(world.member.get("/account").text)
        token = first(r"<code>(osco_[0-9a-f]{48})</code>", page)

        assert token not in world.member.get("/account").text
        assert f"osco_…{token[-4:]}" not in unescape(world.admin.get("/account").text)
        path = first(r'action="(/account/tokens/[0-9a-f-]{36}/revoke)', page)
        says(world.admin.post(path, data={"confirm": "CI <b>"}), "", "there is no such token")
        says(world.member.post(path, data={"confirm": "CI"}), "", "Nothing was revoked")
        leads_to(world.member.post(path, data={"confirm": "CI <b>"}), "/account")
        assert f"osco_…{token[-4:]}" not in unescape(world.member.get("/account").text)


class TestErrors:
    FORM: ClassVar = {
        **{"names": "1", "emails": "1", "own": "customer <b>", "kept": "", "version": "v2"},
        "patterns": r"staff = \bE-\d{5}\b",
        "rules": 'type:"<b> *" -> x',
    }

    def test_what_is_set_stands_in_the_form_again(self, world: World) -> None:
        leads_to(world.post("/errors", **self.FORM), world.path("/errors"))
        page = world.page("/errors")

        assert re.findall(r'name="(\w+)" value="1" checked', page) == ["names", "emails"]
        for name in ("own", "patterns", "rules"):
            text = first(rf'(?s)<textarea id="f-{name}"[^>]*>\n(.*?)</textarea>', page)
            assert text == self.FORM[name]
        assert "<b>" not in world.admin.get(world.path("/errors")).text

    def test_what_is_wrong_is_said_at_its_field(self, world: World) -> None:
        says(world.post("/errors", **self.FORM | {"patterns": "a = ("}), "patterns", "missing )")
        says(world.post("/errors", **self.FORM | {"patterns": "x"}), "patterns", "name = pattern")
        says(world.post("/errors", **self.FORM | {"own": "x" * 65}), "own", "64 ASCII")
        says(world.post("/errors", **self.FORM | {"rules": "x"}), "rules", "field:pattern")
        says(world.post("/errors", **self.FORM | {"version": "v9"}), "version", "v2")

    def test_a_text_is_tried_by_what_the_form_says_and_nothing_is_kept(self, world: World) -> None:
        before = world.page("/errors")
        form = self.FORM | {"own": "basket", "text": "basket=7 a@b.de E-12345 <u>"}

        answer = world.post("/errors/try", **form)

        assert "basket=[Filtered] [email] [staff] &lt;u&gt;</pre>" in answer.text
        assert world.page("/errors") == before

    def test_an_event_is_tried_as_one(self, world: World) -> None:
        form = self.FORM | {"text": '{"extra":{"password":"x"}}'}

        answer = world.post("/errors/try", **form)

        assert '{"extra":{"password":"[Filtered]"}}</pre>' in unescape(answer.text)

    def test_members_read_it_and_change_nothing(self, world: World) -> None:
        world.post("/errors", **self.FORM)
        page = world.member.get(world.path("/errors")).text

        assert "customer &lt;b&gt;" in page
        assert "ask one of its admins" in page
        assert "<textarea" not in page
        form = {"": "", **self.FORM}
        for rest in ("/errors", "/errors/try"):
            assert world.member.post(world.path(rest), data=form).status_code in (403, 404)


class TestPrices:
    def test_what_is_wrong_is_said_in_words_at_its_field(self, world: World) -> None:
        says(world.post("/prices", model="m", input="much"), "input", "no number such as 2.50")
        says(world.post("/prices", model="m", input="-1"), "input", "Input must be a number from 0")
        says(world.post("/prices", model="m"), "discount", "Give rates or a discount")
        days = {"from": "2026-02-01", "until": "2026-01-01"}
        says(
            world.post("/prices", model="m", input="1", **days), "from", "The first day 2026-02-01"
        )
        wrong = world.post("/aliases", name="prod", to="openai/gpt-4oo")
        says(wrong, "to", "did you mean openai/gpt-4o")
        says(world.post("/aliases", name="prod", to="gpt-4o"), "to", "as openai/gpt-4o")

    def test_a_price_is_set_changed_and_removed_and_the_command_told(self, world: World) -> None:
        given = {"model": "Our-Model", "input": "0.15", "output": "0.6", "from": "2026-01-01"}
        made = world.post("/prices", **given)
        leads_to(made, world.path("/prices"))
        page = world.page("/prices", **httpx.URL(made.headers["location"]).params)

        command = r"sluice reprice --from 2026-01-01 --to \d{4}-\d\d-\d\d --project"
        assert re.search(f"{command} {world.project.project_id}", page)
        assert "input $0.15, output $0.6" in page
        says(world.post("/prices", **given), "model", "counts from 2026-01-01 on")
        number = first(r"change=(\d+)", page)
        assert 'value="our-model"' in world.page("/prices", change=number)
        leads_to(
            world.post(f"/prices/{number}", model="our-model", discount="-5"), world.path("/prices")
        )
        page = world.page("/prices")
        assert "5 % on top of the list" in page
        number = first(r"change=(\d+)", page)
        leads_to(world.post(f"/prices/{number}/remove"), world.path("/prices"))
        assert "our-model" not in world.page("/prices")

    def test_an_alias_is_set_changed_and_removed(self, world: World) -> None:
        leads_to(world.post("/aliases", name="prod", to="openai/gpt-4o"), world.path("/prices"))
        number = first(r"change_alias=(\d+)", world.page("/prices"))
        form = world.page("/prices", change_alias=number)
        assert 'value="openai/gpt-4o"' in form
        world.post(f"/aliases/{number}", name="prod", to="openai/gpt-4o-mini")
        page = world.page("/prices")

        assert "openai/gpt-4o-mini" in page
        number = first(r"change_alias=(\d+)", page)
        world.post(f"/aliases/{number}/remove")
        assert "openai/gpt-4o-mini" not in world.page("/prices")

    def test_members_read_them_and_are_told_why_no_more(self, world: World) -> None:
        world.post("/prices", model="seen-by-members", discount="15")

        page = world.member.get(world.path("/prices")).text

        assert "seen-by-members" in page
        assert "15 % off the list" in page
        assert "ask one of its admins" in page
        assert 'method="post" action="/p/' not in page


class TestAccount:
    def test_a_name_is_changed(self, world: World) -> None:
        says(world.member.post("/account/name", data={"name": " "}), "name", "cannot be empty")
        leads_to(world.member.post("/account/name", data={"name": "Gustav"}), "/account")

        assert 'value="Gustav"' in world.member.get("/account").text

    def test_a_password_is_changed_and_others_signed_in_with_it_are_out(self, world: World) -> None:
        ann = join(world.server, world.project, name="Ann")
        email = first(r'value="(\S+@example.com)"', ann.get("/account").text)
        elsewhere = world.server.sign_in(email, PASSWORD)
        form = {"current": PASSWORD, "new": "battery staple", "others": "on"}

        says(ann.post("/account/password", data=form | {"current": "x"}), "current", "not your")
        says(ann.post("/account/password", data=form | {"new": "x"}), "new", "at least 8")
        leads_to(ann.post("/account/password", data=form), "/account")

        assert ann.get("/account").status_code == 200
        assert elsewhere.get("/account").status_code == 303

    def test_it_is_deleted_by_email_and_password(self, world: World) -> None:
        bob = join(world.server, world.project, name="Bob")
        email = first(r'value="(\S+@example.com)"', bob.get("/account").text)
        form = {"email": email, "password": PASSWORD}

        says(bob.post("/account/delete", data=form | {"email": "x"}), "email", "Nothing was")
        says(bob.post("/account/delete", data=form | {"password": "x"}), "password", "not your")
        leads_to(bob.post("/account/delete", data=form), "/sign-in")

        assert bob.get("/account").status_code == 303
        assert email not in world.page("/members")

    def test_one_that_others_need_stays_and_says_why(self, world: World) -> None:
        page = world.admin.get("/account").text

        assert "You are the only admin of" in unescape(page)
        assert 'action="/account/delete' not in page
