"""What apps may not have of Sluice, and Sluice's pages not of apps: cookies, keys, one origin."""

import aiohttp
import pytest
from multidict import CIMultiDict
from yarl import URL

from schemas.deploys.routing import slug_of
from tests.integration.routing.apps import App
from tests.integration.routing.serving import (
    DOMAIN,
    OTHER_PROJECT,
    OWN_SESSION,
    PROJECT,
    Proxy,
    proxy,
    route,
)

PATH = f"/app/{PROJECT}"
NAME = f"{PROJECT}.localhost"
OWN_NAMES = ["better-auth.session_token", "__Secure-better-auth.session_token"]
OPENS_A_PAGE = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}


async def ask(client: aiohttp.ClientSession, url: str, **headers: str) -> "CIMultiDict[str]":
    """Asks, and returns the headers of the answer, of which none is left out."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.get(url, headers=fields, allow_redirects=False) as answer:
        await answer.read()
        return CIMultiDict(answer.headers)


class TestWhatAnAppGets:
    @pytest.mark.parametrize("name", OWN_NAMES)
    async def test_no_session_by_its_path(
        self, before: Proxy, one: App, client: aiohttp.ClientSession, name: str
    ) -> None:
        cookie = f"a=1; {name}=any; {name.upper()} =more; b=2; c={OWN_SESSION}"

        await ask(client, f"{before.url}{PATH}/x", Cookie=cookie)

        assert one.fields.getall("Cookie") == ["a=1; b=2"]

    @pytest.mark.parametrize("host", [NAME, DOMAIN])
    async def test_no_session_of_ours_by_a_name_but_its_own(
        self, before: Proxy, one: App, client: aiohttp.ClientSession, host: str
    ) -> None:
        """An app may well have sessions of the same kind, under the same name."""
        cookie = f"{OWN_NAMES[0]}=its-own; {OWN_NAMES[0]}={OWN_SESSION}"

        await ask(client, f"{before.url}/x", Cookie=cookie, Host=host)

        assert one.fields.getall("Cookie") == [f"{OWN_NAMES[0]}=its-own"]

    async def test_no_cookie_where_none_is_left(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        await ask(client, f"{before.url}{PATH}/x", Cookie=f"{OWN_NAMES[0]}=any")

        assert "Cookie" not in one.fields

    @pytest.mark.parametrize(
        "credential",
        [
            "Bearer pulse_sk_3f2b8c1e",
            "bearer  osco_0123",
            "Bearer oscp_0123",
            "Bearer sk_probe_0123",
            "Bearer sk_live_0123456789abcdef",
            "osco_0123",
            "Bearer signed.by.sluice",
        ],
    )
    async def test_no_key_of_ours(
        self, before: Proxy, one: App, client: aiohttp.ClientSession, credential: str
    ) -> None:
        for host in ("127.0.0.1", DOMAIN):
            url = f"{before.url}{PATH}/x"
            await ask(client, url, Authorization=credential, Host=host)

            assert "Authorization" not in one.fields

    @pytest.mark.parametrize(
        "credential", ["Basic dTpw", "Bearer eyJ.its.own", "Bearer sk_live_51Habc_XYZ"]
    )
    async def test_keys_of_its_own(
        self, before: Proxy, one: App, client: aiohttp.ClientSession, credential: str
    ) -> None:
        await ask(client, f"{before.url}{PATH}/x", Authorization=credential)

        assert one.fields["Authorization"] == credential

    async def test_who_asks_is_told_by_us_alone(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        claims = {
            "X-Forwarded-For": "6.6.6.6",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "evil.example.com",
            "X-Forwarded-Prefix": "/evil",
            "X-Forwarded-User": "admin",
            "X_Forwarded_For": "6.6.6.6",
            "X-Real-IP": "6.6.6.6",
            "Forwarded": "for=6.6.6.6",
            "CF-Connecting-IP": "6.6.6.6",
            "Proxy": "http://evil.example.com",
            "Host": DOMAIN,
        }
        async with client.get(f"{before.url}/x", headers=claims) as answer:
            await answer.read()

        told = {
            name: value for name, value in one.fields.items() if "6.6" in value or "evil" in value
        }
        assert told == {}
        assert one.fields.getall("X-Forwarded-For") == ["127.0.0.1"]
        assert one.fields["X-Real-IP"] == "127.0.0.1"
        # By whoever runs on this machine, the scheme is believed: see docs/settings.md.
        assert one.fields["X-Forwarded-Proto"] == "https"
        assert one.fields["X-Forwarded-Host"] == DOMAIN
        assert "X-Forwarded-Prefix" not in one.fields
        assert "X-Forwarded-User" not in one.fields

    async def test_who_asks_as_a_named_proxy_tells_it(self, one: App) -> None:
        async with proxy(trusted=["127.0.0.1"]) as served, aiohttp.ClientSession() as client:
            await served.put(route(one.port))
            told = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Host": DOMAIN}
            async with client.get(f"{served.url}/x", headers=told) as answer:
                assert answer.status == 200

        assert one.fields["X-Forwarded-For"] == "203.0.113.7"
        assert one.fields["Host"] == DOMAIN

    async def test_where_it_stands_by_its_path(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        await ask(client, f"{before.url}{PATH}/x")

        assert [name for name in one.fields if not name.startswith("X-")] == ["Host"]
        assert one.fields["X-Forwarded-Prefix"] == PATH
        assert one.fields["Host"] == f"127.0.0.1:{before.port}"
        assert one.fields["X-Forwarded-Port"] == str(before.port)

    async def test_nothing_that_is_for_one_hop(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        fields = {
            "Connection": "keep-alive, X-Secret",
            "X-Secret": "1",
            "Keep-Alive": "timeout=5",
            "TE": "trailers",
            "Proxy-Authorization": "Basic dTpw",
            "Upgrade": "h2c",
            "X-Kept": "grüße",
        }
        async with client.get(f"{before.url}{PATH}/x", headers=fields) as answer:
            await answer.read()

        for_one_hop = ("X-Secret", "Keep-Alive", "TE", "Proxy-Authorization", "Upgrade")
        assert [name for name in for_one_hop if name in one.fields] == []
        assert one.fields["X-Kept"] == "grüße"


class TestWhatAnAppAnswers:
    @pytest.mark.parametrize(
        ("given", "got"),
        [
            ("a=1", f"a=1; Path={PATH}/"),
            ("a=1; Path=/; HttpOnly", f"a=1; HttpOnly; Path={PATH}/"),
            ("a=1; path=/sub; Secure", f"a=1; Secure; Path={PATH}/sub"),
            (f"a=1; Path={PATH}/", f"a=1; Path={PATH}/"),
            ("a=1; Domain=.example.com; Max-Age=9", f"a=1; Max-Age=9; Path={PATH}/"),
            ("a=1; Path=evil", f"a=1; Path={PATH}/"),
            ("better-auth.session_token=evil; Path=/", None),
            (" better-auth.session_token =evil", None),
            ("__Secure-Better-Auth.session_token=evil; Secure", None),
            ("=better-auth.session_token=evil", None),
            ("better-auth.session_token", None),
        ],
    )
    async def test_a_cookie_stays_under_its_path(
        self,
        before: Proxy,
        one: App,
        client: aiohttp.ClientSession,
        given: str,
        got: str | None,
    ) -> None:
        one.answer_headers.add("Set-Cookie", given)

        answer = await ask(client, f"{before.url}{PATH}/x")

        assert answer.getall("Set-Cookie", []) == ([got] if got else [])

    async def test_a_cookie_is_its_own_on_its_own_host(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        kept = ["better-auth.session_token=its-own; Path=/", "b=2; Domain=example.com"]
        for one_cookie in [*kept, "better-auth.session_token=evil; Domain=example.com"]:
            one.answer_headers.add("Set-Cookie", one_cookie)

        answer = await ask(client, f"{before.url}/x", Host=DOMAIN)

        assert answer.getall("Set-Cookie") == kept

    @pytest.mark.parametrize(
        ("given", "got"),
        [
            ("/next?a=1#b", f"{PATH}/next?a=1#b"),
            ("/", f"{PATH}/"),
            (f"{PATH}/next", f"{PATH}/next"),
            ("next", "next"),
            ("?a=1", "?a=1"),
            ("http://HOST/next", f"http://HOST{PATH}/next"),
            ("//HOST/next", f"//HOST{PATH}/next"),
            ("http://APP/next", f"{PATH}/next"),
            ("https://elsewhere.example.com/next", "https://elsewhere.example.com/next"),
            ("//elsewhere.example.com/next", "//elsewhere.example.com/next"),
            ("http://[broken/next", "http://[broken/next"),
        ],
    )
    async def test_what_leads_to_the_app_has_its_prefix(
        self, before: Proxy, one: App, client: aiohttp.ClientSession, given: str, got: str
    ) -> None:
        hosts = {"HOST": f"127.0.0.1:{before.port}", "APP": f"127.0.0.1:{one.port}"}
        for name, host in hosts.items():
            given, got = given.replace(name, host), got.replace(name, host)
        one.answer_headers["Location"] = given

        assert (await ask(client, f"{before.url}{PATH}/x"))["Location"] == got

    async def test_a_location_is_its_own_on_its_own_host(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        one.answer_headers["Location"] = "/next"

        assert (await ask(client, f"{before.url}/x", Host=DOMAIN))["Location"] == "/next"

    async def test_a_cookie_for_all_apps_is_none_that_an_app_may_set(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        for given in ("a=1; Domain=localhost", f"b=2; Domain={NAME}", "c=3; Path=/"):
            one.answer_headers.add("Set-Cookie", given)

        answer = await ask(client, f"{before.url}/x", Host=NAME)

        assert answer.getall("Set-Cookie") == [f"b=2; Domain={NAME}", "c=3; Path=/"]

    async def test_nothing_that_decides_for_all_of_sluice(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        whole_host = {
            "Clear-Site-Data": '"*"',
            "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
            "Service-Worker-Allowed": "/",
            "Report-To": "{}",
            "NEL": "{}",
            "Accept-CH": "Sec-CH-UA-Model",
            "Set-Login": "logged-out",
        }
        one.answer_headers.update(whole_host)

        by_path = await ask(client, f"{before.url}{PATH}/x")
        by_name = await ask(client, f"{before.url}/x", Host=DOMAIN)

        assert [name for name in whole_host if name in by_path] == []
        assert [name for name in whole_host if name not in by_name] == []

    async def test_no_other_server_is_offered(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        one.answer_headers.update({"Alt-Svc": 'h3=":443"', "Date": "then", "X-Kept": "1"})
        one.answer_headers["X-Accel-Redirect"] = "/dashboard"  # nginx before us would go there

        answer = await ask(client, f"{before.url}/x", Host=DOMAIN)

        assert "Alt-Svc" not in answer
        assert "X-Accel-Redirect" not in answer
        assert len(answer.getall("Date")) == 1
        assert answer["X-Kept"] == "1"

    async def test_headers_of_our_own_pages_are_not_put_on_it(
        self, before: Proxy, client: aiohttp.ClientSession
    ) -> None:
        answer = await ask(client, f"{before.url}/x", Host=DOMAIN)

        ours = ("X-Frame-Options", "Content-Security-Policy", "Cache-Control")
        assert [name for name in ours if name in answer] == []


class TestOneOrigin:
    async def test_a_page_by_its_path_is_in_a_sandbox(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        one.answer_headers["Content-Security-Policy"] = "default-src *"

        policies = (await ask(client, f"{before.url}{PATH}/x")).getall("Content-Security-Policy")

        assert policies[0] == "default-src *"
        assert policies[1].startswith("sandbox ")
        assert "allow-same-origin" not in policies[1]

    @pytest.mark.parametrize(
        ("host", "path", "leads_to"),
        [
            ("127.0.0.1:8080", f"{PATH}/a%2Fb?x=1", f"http://{NAME}:8080/a%2Fb?x=1"),
            ("localhost", PATH, f"http://{NAME}/"),
            (
                "[::1]:8080",
                f"{PATH}~feature%2Fx/",
                f"http://{PROJECT}--feature-x-HASH.localhost:8080/",
            ),
        ],
    )
    async def test_a_browser_is_sent_on_to_a_name_of_the_app(
        self, before: Proxy, client: aiohttp.ClientSession, host: str, path: str, leads_to: str
    ) -> None:
        leads_to = leads_to.replace("feature-x-HASH", slug_of("feature/x"))
        url = URL(f"{before.url}{path}", encoded=True)
        fields = {**OPENS_A_PAGE, "Host": host}
        async with client.get(url, headers=fields, allow_redirects=False) as answer:
            assert answer.status == 307
            assert answer.headers["Location"] == leads_to
            assert answer.headers["Cache-Control"] == "no-store"

    async def test_it_knows_a_browser_where_nothing_is_told_of_the_fetch(
        self, before: Proxy, client: aiohttp.ClientSession
    ) -> None:
        answer = await ask(client, f"{before.url}{PATH}/x", Upgrade_Insecure_Requests="1")

        assert answer["Location"].startswith(f"http://{NAME}:")

    async def test_elsewhere_it_is_sent_to_where_the_operator_says(self, one: App) -> None:
        async with proxy(apps_host="apps.example.com") as served, aiohttp.ClientSession() as client:
            await served.put(route(one.port))
            sluice = {"Host": "sluice.example.com"}

            url = f"{served.url}{PATH}/x"
            location = (await ask(client, url, **sluice, **OPENS_A_PAGE))["Location"]

            assert location == f"http://{PROJECT}.apps.example.com/x"
            await ask(client, f"{served.url}/x", Host=f"{PROJECT}.apps.example.com")
            assert one.asked[-1].path == "/x"

    async def test_elsewhere_and_without_that_it_stays_in_the_sandbox(
        self, before: Proxy, client: aiohttp.ClientSession
    ) -> None:
        host = {"Host": "192.168.1.5:8080", **OPENS_A_PAGE}

        assert (
            "sandbox"
            in (await ask(client, f"{before.url}{PATH}/x", **host))["Content-Security-Policy"]
        )
        # Its relative links would otherwise lead out of the app.
        assert (await ask(client, f"{before.url}{PATH}?a=1", **host))["Location"] == f"{PATH}/?a=1"

    async def test_nobody_is_sent_on_where_the_operator_wants_it_so(self, one: App) -> None:
        async with proxy(apps_host="none") as served, aiohttp.ClientSession() as client:
            await served.put(route(one.port))

            assert "Location" not in await ask(client, f"{served.url}{PATH}/x", **OPENS_A_PAGE)

    @pytest.mark.parametrize(
        "segment", ["evil.example.com%2F", f"{PROJECT}%0d%0aX: 1", f"{PROJECT}.evil.com", "..", "%"]
    )
    async def test_nobody_is_sent_where_the_path_says(
        self, before: Proxy, client: aiohttp.ClientSession, segment: str
    ) -> None:
        url = URL(f"{before.url}/app/{segment}/x".replace(": ", ":%20"), encoded=True)
        async with client.get(url, headers=OPENS_A_PAGE, allow_redirects=False) as answer:
            assert answer.status == 503
            assert "Location" not in answer.headers

    async def test_no_page_of_ours_loads_a_part_of_an_app(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        part = {
            "Sec-Fetch-Site": "same-origin",
            "Sec-Fetch-Mode": "no-cors",
            "Sec-Fetch-Dest": "script",
        }
        async with client.get(f"{before.url}{PATH}/x.js", headers=part) as answer:
            assert answer.status == 403
        async with client.get(f"{before.url}/x.js", headers={**part, "Host": NAME}) as answer:
            assert answer.status == 200

    async def test_another_project_has_another_name(
        self, before: Proxy, client: aiohttp.ClientSession
    ) -> None:
        url = f"{before.url}/app/{OTHER_PROJECT}/x"

        assert OTHER_PROJECT in (await ask(client, url, **OPENS_A_PAGE))["Location"]
