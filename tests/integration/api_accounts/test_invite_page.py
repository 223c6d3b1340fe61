from html import unescape
from html.parser import HTMLParser

import httpx

from api.pages.render import POLICY
from tests.integration.api_accounts.conftest import Client, link_of, signed_in

PAGE = "/invite"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;"
TAGS = {
    *("html", "head", "meta", "title", "link", "script", "body", "a", "main", "details", "summary"),
    *("h1", "h2", "p", "form", "input", "label", "button", "span", "img"),
}
NEWCOMER = {"name": "New", "email": "new@example.com", "password": "battery staple"}


class Elements(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


async def test_without_a_script_a_newcomer_joins_in_the_browser(
    ann: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    token = await link_of(ann, "new@example.com")
    shown = await client.get(PAGE, params={"token": token})
    forms = Elements(shown.text).named("form")

    # What a browser sends along with a form of a page of this policy.
    browser = {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-origin"}
    joined = await client.post(PAGE, data=NEWCOMER | {"token": token}, headers=browser)

    assert (shown.status_code, len(forms)) == (200, 2)
    assert {(form["action"], form["method"]) for form in forms} == {("/invite", "post")}
    assert "Join Shop" in shown.text
    projects = (await client.get("/dashboard/api/projects")).json()["projects"]
    assert [project["name"] for project in projects] == ["Shop"]
    assert joined.status_code == 303
    assert joined.headers["location"] == f"/p/{projects[0]['id']}/overview"


async def test_who_is_signed_in_joins_with_one_button_and_sees_as_whom(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    token = await link_of(ann, "somebody@example.com")

    shown = await bob.get(PAGE, params={"token": token})
    joined = await bob.post(PAGE, data={"token": token})

    assert "Join as bob@example.com" in shown.text
    assert joined.status_code == 303
    assert "set-cookie" not in joined.headers


async def test_an_account_joins_with_its_password(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    form = {
        "token": await link_of(ann, "somebody@example.com"),
        "email": "bob@example.com",
        "password": "correct horse",
    }

    joined = await client.post(PAGE, data=form)

    assert (joined.status_code, "set-cookie" in joined.headers) == (303, True)


async def test_whatever_a_person_wrote_is_shown_as_text(
    ann: httpx.AsyncClient, connect: Client
) -> None:
    mallory = await signed_in(connect(), "mallory", project="Trap")
    path = f"/dashboard/api/projects/{mallory.headers['X-Project-Id']}"
    await mallory.patch(path, json={"name": HOSTILE})
    email = '"><script>x</script>@example.com'
    form = {"name": HOSTILE, "email": "eve@example.com", "password": "correct horse"}
    own = await link_of(mallory, email, "admin")
    eve = connect()
    await eve.post("/dashboard/api/invitations/accept", json=form | {"token": own})
    eve.headers["X-Project-Id"] = mallory.headers["X-Project-Id"]
    token = await link_of(eve, email)

    shown = await ann.get(PAGE, params={"token": token})
    wrong = await ann.post(
        PAGE, data={"token": token, "name": HOSTILE, "email": HOSTILE, "password": "x"}
    )

    for answer, status in ((shown, 200), (wrong, 400)):
        assert answer.status_code == status
        assert HOSTILE in unescape(answer.text)
        elements = Elements(answer.text)
        assert {tag for tag, _ in elements.tags} <= TAGS
        assert all(one["src"].startswith("/assets/") for one in elements.named("script"))  # type: ignore[union-attr]
        assert [one for one in elements.named("img") if one["src"] == "x"] == []
    values = [field.get("value") for field in Elements(shown.text).named("input")]
    assert email in values
    assert shown.text.count(token) == 3  # once in each form, and nowhere else
    assert shown.headers["referrer-policy"] == "strict-origin"


async def test_what_a_form_says_wrongly_is_a_page_too(
    ann: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    token = await link_of(ann, "new@example.com")
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    many = "&".join(f"f{n}=1" for n in range(20))

    refused = [
        (await client.get(PAGE), 404, "unknown, used, revoked or expired"),
        (await client.get(PAGE, params={"token": HOSTILE}), 404, "unknown, used, revoked"),
        (await client.post(PAGE, data=NEWCOMER), 400, "Missing required field: token"),
        (await client.post(PAGE, json={"token": token}), 400, "must be sent as"),
        (await client.post(PAGE, content=b"\xff", headers=kind), 400, "Invalid form"),
        (await client.post(PAGE, content=many, headers=kind), 400, "Invalid form"),
        (await client.post(PAGE, data={"token": token}), 401, "Unauthorized"),
        (
            await client.post(PAGE, data=NEWCOMER | {"token": token, "name": " "}),
            400,
            "Name cannot be empty",
        ),
        (
            await client.post(PAGE, data=NEWCOMER | {"token": token, "password": "short"}),
            400,
            "Password too short",
        ),
    ]

    for answer, status, message in refused:
        assert (answer.status_code, message in answer.text) == (status, True), answer.text
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["referrer-policy"] == "strict-origin"
    assert (await client.get(PAGE, params={"token": token})).status_code == 200


async def test_another_sites_form_is_refused(
    ann: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    token = await link_of(ann, "new@example.com")

    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = await client.post(PAGE, data=NEWCOMER | {"token": token}, headers=headers)

        assert answer.status_code == 403


async def test_what_was_typed_stays_and_the_password_is_said_at_its_field(
    ann: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    form = NEWCOMER | {"token": await link_of(ann, "new@example.com"), "password": "short"}

    answer = await client.post(PAGE, data=form)

    fields = Elements(answer.text).named("input")
    (wrong,) = [one for one in fields if one.get("aria-invalid")]
    assert (wrong["name"], wrong["value"]) == ("password", "")
    assert "New" in [one.get("value") for one in fields]
    assert "expected at least 8 characters" in answer.text


async def test_who_is_a_member_already_is_told_so(ann: httpx.AsyncClient) -> None:
    token = await link_of(ann, "new@example.com")

    answer = await ann.post(PAGE, data={"token": token})

    assert (answer.status_code, "already a member" in answer.text) == (409, True)
