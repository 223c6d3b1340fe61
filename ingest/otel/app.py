"""The routes of the system `otel` that take items in."""

from litestar import Router, post
from litestar.di import Provide
from litestar.status_codes import HTTP_200_OK
from msgspec import Struct

from ingest.app import AnyRequest, Project, ProjectOf, edge_of, header_of, incoming_of
from ingest.otel.forms import TYPE
from schemas.described import describes
from schemas.kinds import OTEL_SPAN
from schemas.otel.json_wire import Traces


class Exported(Struct):
    """The spans are durable."""


@post(
    "/traces",
    status_code=HTTP_200_OK,
    summary="Send spans over OTLP",
    request_max_body_size=None,
    opt=describes(body=Traces, example={"resourceSpans": []}, errors=(408, 415)),
)
async def export_spans(request: AnyRequest, project: Project) -> Exported:
    """Accept spans; answers when they are durable."""
    told = {TYPE: header_of(request, b"content-type") or ""}
    await edge_of(request).accept(project, OTEL_SPAN.name, incoming_of(request, told))
    return Exported()


def routers(project_from_key: ProjectOf, _: ProjectOf) -> list[Router]:
    """Returns the routes, by API key."""
    project = Provide(project_from_key)
    return [
        Router(
            "/v1", route_handlers=[export_spans], dependencies={"project": project}, tags=["ingest"]
        )
    ]
