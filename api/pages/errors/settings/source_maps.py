"""The source maps of a project: its uploads, what to copy to upload, and their removal."""

from typing import Any, NamedTuple

import structlog
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.errors.sentry_cli.reach import slug_of
from api.pages.forms import Problem, typed_word
from api.pages.navigation import Link, Section
from api.pages.parts.snippets import url_of
from api.pages.render import page
from api.pages.settings.admins import PATH, admins_only, page_of
from api.pages.viewer import Viewed, Viewer
from controlplane.errors.source_maps.bundles import (
    MOST_BUNDLES,
    drop_bundle,
    list_bundles,
    total_of,
)

SOURCE_MAPS = f"{PATH}/source-maps"
TOKEN = "YOUR_TOKEN"
TYPED_CHARS = 8
"""Of the id of an upload, which has no name: what is typed to remove it."""

log = structlog.get_logger(__name__)


class Sample(NamedTuple):
    """Something to copy."""

    title: str
    note: str
    text: str


@get(SOURCE_MAPS, include_in_schema=False)
async def source_maps_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the uploads of the project."""
    return await _shown(request, viewer)


@post(f"{SOURCE_MAPS}/{{bundle_id:str}}/remove", include_in_schema=False, status_code=200)
async def remove_source_maps(
    request: AnyRequest, viewer: Viewed, bundle_id: FromPath[str]
) -> Response[Any]:
    """Remove an upload, whose id the form repeats. Events that it has mapped stay as they are."""
    admins_only(viewer)
    if await typed_word(request) != bundle_id[:TYPED_CHARS]:
        text = f"Nothing was removed: type {bundle_id[:TYPED_CHARS]} to remove this upload."
        return await _shown(request, viewer, Problem(text))
    project_id = viewer.project.project_id
    await drop_bundle(services(request).database, project_id, bundle_id)
    by = viewer.session.account.user_id
    log.info("source maps removed", project_id=project_id, bundle_id=bundle_id, by=by)
    return Redirect(page_of(request, "/source-maps"), status_code=303)


async def _shown(
    request: AnyRequest, viewer: Viewer, problem: Problem | None = None
) -> Response[str]:
    database, project_id = services(request).database, viewer.project.project_id
    bundles = await list_bundles(database, project_id)
    project = slug_of(viewer.project_name) or project_id
    return await page(
        request,
        "settings/source_maps.html",
        status_code=400 if problem else 200,
        problem=problem,
        typed_chars=TYPED_CHARS,
        bundles=bundles,
        total=await total_of(database, project_id),
        most=MOST_BUNDLES,
        most_bytes=request.app.state.uploads.most_project_bytes,
        zone=viewer.project.time_zone,
        samples=samples(url_of(request), project),
    )


def samples(url: str, project: str) -> list[Sample]:
    """Returns what to copy, for a project at an address."""
    given = f'url: "{url}", org: "sluice", project: "{project}"'
    token = "authToken: process.env.SENTRY_AUTH_TOKEN"
    return [
        Sample(
            "sentry-cli",
            "npm install @sentry/cli",
            f"export SENTRY_URL={url} SENTRY_ORG=sluice SENTRY_PROJECT={project}\n"
            f"export SENTRY_AUTH_TOKEN={TOKEN}\n"
            "sentry-cli sourcemaps inject dist\n"
            "sentry-cli sourcemaps upload --wait dist",
        ),
        Sample("Vite", "npm install @sentry/vite-plugin", _plugin("vite", "Vite", given, token)),
        Sample(
            "webpack",
            "npm install @sentry/webpack-plugin",
            'const { sentryWebpackPlugin } = require("@sentry/webpack-plugin");\n\n'
            'module.exports = {\n  devtool: "hidden-source-map",\n'
            f"  plugins: [sentryWebpackPlugin({{ {given}, {token} }})],\n}};",
        ),
        Sample(
            "esbuild",
            "npm install @sentry/esbuild-plugin",
            'const { sentryEsbuildPlugin } = require("@sentry/esbuild-plugin");\n\n'
            'require("esbuild").build({\n  sourcemap: "external",\n'
            f"  plugins: [sentryEsbuildPlugin({{ {given}, {token} }})],\n}});",
        ),
    ]


def _plugin(package: str, name: str, given: str, token: str) -> str:
    return (
        f'import {{ sentry{name}Plugin }} from "@sentry/{package}-plugin";\n\n'
        'export default {\n  build: { sourcemap: "hidden" },\n'
        f"  plugins: [sentry{name}Plugin({{ {given}, {token} }})],\n}};"
    )


SECTION = Section(
    "",
    (),
    (source_maps_page, remove_source_maps),
    settings=(Link("Source maps", "settings/source-maps"),),
)
