import gzip
import json

import pytest

from api.errors.sentry_cli.uploads import CHUNK_BYTES
from controlplane.database import Database
from controlplane.errors.source_maps.bundles import expire_bundles, list_bundles, total_of
from controlplane.errors.source_maps.files import (
    find_by_debug_ids,
    find_by_urls,
    list_holdings,
    read_content,
)
from schemas.errors.source_maps import unpacked
from schemas.projects import ProjectId
from tests.integration.issues.seen import make_project
from tests.integration.issues.source_maps.uploading import (
    ASSEMBLE,
    CHUNKS,
    DEBUG_ID,
    MULTIPART,
    RECORDED,
    SOURCE_MAP,
    bundle_of,
    cli_of,
    sha1,
    shop_bundle,
)

DAY_US = 86_400 * 1_000_000


class TestRecordedRequests:
    async def test_an_upload_with_debug_ids_is_stored_as_its_files_were(
        self, database: Database, project: ProjectId
    ) -> None:
        cli = await cli_of(database, project)
        named = {
            "checksum": "7e75eebd2833f8ea8005cee9cf70925ece886d9e",
            "chunks": ["7e75eebd2833f8ea8005cee9cf70925ece886d9e"],
            "projects": [],
        }

        options = (await cli.http.get(CHUNKS)).json()
        before = (await cli.http.post(ASSEMBLE, json=named)).json()
        body = (RECORDED / "chunk-upload-debug-ids.body").read_bytes()
        sent = await cli.http.post(options["url"], content=body, headers=MULTIPART)
        after = (await cli.http.post(ASSEMBLE, json=named)).json()
        again = (await cli.http.post(ASSEMBLE, json=named)).json()

        assert options["hashAlgorithm"] == "sha1"
        assert {"artifact_bundles", "artifact_bundles_v2"} <= set(options["accept"])
        assert before == {
            "state": "not_found",
            "missingChunks": named["chunks"],
            "detail": None,
        }
        assert (sent.status_code, after["state"], again["state"]) == (200, "ok", "ok")
        found = await find_by_debug_ids(database, [(project, DEBUG_ID)])
        files = {one.facts.kind: one for one in found[project, DEBUG_ID]}
        assert files["minified"].facts.source_map == "app.js.map"
        stored = await read_content(database, project, files["map"].file_id)
        content = unpacked(stored or b"", files["map"].facts.size)
        texts = json.loads(SOURCE_MAP)["sourcesContent"]
        assert json.loads(content)["sourcesContent"] == texts  # sentry-cli writes it anew

    async def test_an_upload_for_a_release_is_found_by_address(
        self, database: Database, project: ProjectId
    ) -> None:
        cli = await cli_of(database, project)
        name = "20f9b9edd5252cbce64bbce914ef15556f8aed3c"
        body = (RECORDED / "chunk-upload-release.body").read_bytes()
        await cli.http.post(CHUNKS, content=body, headers=MULTIPART)

        named = {"checksum": name, "chunks": [name], "version": "1.0.0", "dist": "7"}
        answer = (await cli.http.post(ASSEMBLE, json=named)).json()

        url = "~/static/app.js"
        assert answer["state"] == "ok"
        found = await find_by_urls(database, project, ("1.0.0", "7"), [url])
        assert [one.facts.url for one in found] == [url]
        assert not await find_by_urls(database, project, ("1.0.0", ""), [url])


class TestTenancy:
    async def test_who_has_no_token_or_one_that_may_not_write_is_rejected(
        self, database: Database, project: ProjectId
    ) -> None:
        cli, reader = await cli_of(database, project), await cli_of(database, project, scope="read")

        answers = [
            (await cli.http.get(CHUNKS, headers={"Authorization": "Bearer osco_none"})),
            (await reader.http.get(CHUNKS)),
            (await reader.http.post(ASSEMBLE, json={})),
        ]

        assert [one.status_code for one in answers] == [401, 403, 403]
        assert all(one.json()["detail"] for one in answers)

    async def test_a_project_of_another_is_not_there(
        self, database: Database, project: ProjectId
    ) -> None:
        other = await make_project(database)
        cli, bundle = await cli_of(database, project), shop_bundle()

        answer = await cli.upload(bundle, projects=[str(other)])

        assert (answer["status"], "not found" in answer["detail"]) == (400, True)
        assert str(other) not in answer["detail"].replace(repr(str(other)), "")
        assert (await total_of(database, other)).bundles == 0

    async def test_pieces_of_one_token_are_missing_for_another(
        self, database: Database, project: ProjectId
    ) -> None:
        bundle = shop_bundle()
        mine = await cli_of(database, project)
        theirs = await cli_of(database, await make_project(database))
        names = await mine.send(bundle)

        answer = await theirs.assemble(bundle, names)

        assert (answer["state"], answer["missingChunks"]) == ("not_found", names)

    async def test_files_of_one_project_are_nothing_to_another(
        self, database: Database, project: ProjectId
    ) -> None:
        await (await cli_of(database, project)).upload(shop_bundle())
        other = await make_project(database)
        (file, *_) = (await find_by_debug_ids(database, [(project, DEBUG_ID)]))[project, DEBUG_ID]

        assert await find_by_debug_ids(database, [(other, DEBUG_ID)]) == {}
        assert await read_content(database, other, file.file_id) is None


class TestBounds:
    @pytest.mark.parametrize(
        ("form", "says"),
        [
            (b"no form", "multipart/form-data"),
            (b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nhi\r\n--x--\r\n', "SHA-1"),
            (
                b'--x\r\nContent-Disposition: form-data; name="file"; filename="'
                + b"0" * 40
                + b'"\r\n\r\nhi\r\n--x--\r\n',
                "the bytes that came",
            ),
            (
                b'--x\r\nContent-Disposition: form-data; name="file_gzip"; filename="'
                + b"0" * 40
                + b'"\r\n\r\n'
                + gzip.compress(bytes(CHUNK_BYTES + 1))
                + b"\r\n--x--\r\n",
                "more than 1048576 bytes",
            ),
        ],
        ids=["no-form", "no-name", "other-bytes", "bomb"],
    )
    async def test_a_piece_that_is_not_what_it_says_is_rejected(
        self, database: Database, project: ProjectId, form: bytes, says: str
    ) -> None:
        cli = await cli_of(database, project)

        answer = await cli.http.post(CHUNKS, content=form, headers=MULTIPART)

        assert (answer.status_code, says in answer.json()["detail"]) == (400, True), answer.text

    @pytest.mark.parametrize(
        ("bundle", "says"),
        [
            (b"no archive at all, only a text", "does not end as a zip"),
            (bundle_of({}, manifest=""), "no manifest.json"),
            (bundle_of({}, manifest="{"), "manifest.json cannot be read"),
            (bundle_of({}), "no scripts and no source maps"),
            (
                bundle_of({"~/a.js": ("minified_source", b"1", {})}),
                "run `sentry-cli sourcemaps inject`",
            ),
        ],
        ids=["no-zip", "no-manifest", "bad-manifest", "empty", "nothing-to-find-it-by"],
    )
    async def test_a_bundle_that_cannot_be_taken_says_why(
        self, database: Database, project: ProjectId, bundle: bytes, says: str
    ) -> None:
        answer = await (await cli_of(database, project)).upload(bundle)

        assert (answer["state"], says in answer["detail"]) == ("error", True), answer
        (kept,) = await list_bundles(database, project)
        assert (kept.state, kept.detail, kept.files) == ("error", answer["detail"], 0)
        assert project not in await list_holdings(database)

    async def test_pieces_that_make_something_else_are_no_bundle(
        self, database: Database, project: ProjectId
    ) -> None:
        cli = await cli_of(database, project)

        answer = await cli.assemble(b"other", await cli.send(shop_bundle()))

        assert (answer["state"], "the checksum" in answer["detail"]) == ("error", True)

    async def test_beyond_a_projects_bytes_the_longest_unused_goes(
        self, database: Database, project: ProjectId
    ) -> None:
        cli = await cli_of(database, project, most_bytes=4_500)  # a bundle has some 1,600
        ids = [f"{number}{DEBUG_ID[1:]}" for number in range(1, 5)]
        for one in ids[:2]:
            await cli.upload(shop_bundle(one))
        newest, oldest = await list_bundles(database, project)

        answers = [await cli.upload(shop_bundle(one)) for one in ids[2:]]

        kept = [one.id for one in await list_bundles(database, project)]
        assert [one["state"] for one in answers] == ["ok", "ok"]
        assert oldest.id not in kept
        assert (await total_of(database, project)).bytes <= 4_500
        assert newest.id in kept or len(kept) == 2

    async def test_a_bundle_beyond_a_projects_bytes_is_not_taken(
        self, database: Database, project: ProjectId
    ) -> None:
        cli = await cli_of(database, project, most_bytes=100)

        answer = await cli.upload(shop_bundle())

        assert (answer["state"], "SLUICE_SOURCE_MAPS_MAX_BYTES" in answer["detail"]) == (
            "error",
            True,
        )
        assert (await total_of(database, project)).bundles == 0


class TestLife:
    async def test_what_no_event_used_for_so_long_is_removed(
        self, database: Database, project: ProjectId
    ) -> None:
        await (await cli_of(database, project)).upload(shop_bundle())
        (bundle,) = await list_bundles(database, project)

        await expire_bundles(database, bundle.uploaded_us + 89 * DAY_US, 90)
        kept = await list_bundles(database, project)
        await expire_bundles(database, bundle.uploaded_us + 91 * DAY_US, 90)

        assert [one.id for one in kept] == [bundle.id]
        assert await list_bundles(database, project) == []
        assert await find_by_debug_ids(database, [(project, DEBUG_ID)]) == {}

    async def test_a_map_of_little_use_says_so_where_uploads_are_listed(
        self, database: Database, project: ProjectId
    ) -> None:
        lacking = json.loads(SOURCE_MAP)
        del lacking["sourcesContent"]

        await (await cli_of(database, project)).upload(
            shop_bundle(source_map=json.dumps(lacking).encode())
        )

        (bundle,) = await list_bundles(database, project)
        assert "sourcesContent" in bundle.problems[0]

    async def test_a_bundle_of_many_pieces_is_put_together_in_order(
        self, database: Database, project: ProjectId
    ) -> None:
        cli, bundle = await cli_of(database, project), shop_bundle()
        pieces = [bundle[first : first + 500] for first in range(0, len(bundle), 500)]

        names = await cli.send(*pieces)
        answer = await cli.assemble(bundle, names)

        assert answer["state"] == "ok"
        assert sha1(b"".join(pieces)) == sha1(bundle)
