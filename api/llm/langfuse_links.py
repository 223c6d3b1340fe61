"""The addresses of pages that Langfuse's SDKs print and make, sent on to the pages that show this.

They say nothing of a project, so nobody is asked who they are: the pages ask.
"""

from urllib.parse import quote

from litestar import MediaType, Response, get
from litestar.params import FromPath

from api.auth import AnyRequest, prefix_of

OF_PROJECT = "/project/{project_id:str}"


@get(f"{OF_PROJECT}/traces/{{otel_trace_id:str}}", include_in_schema=False)
async def get_langfuse_trace_page(
    request: AnyRequest, project_id: FromPath[str], otel_trace_id: FromPath[str]
) -> Response[str]:
    """Send a browser to a trace."""
    return _sent_on(request, project_id, f"otel/traces/{_part(otel_trace_id)}")


@get(f"{OF_PROJECT}/datasets/{{dataset:str}}/runs/{{run:str}}", include_in_schema=False)
async def get_langfuse_run_page(
    request: AnyRequest, project_id: FromPath[str], dataset: FromPath[str], run: FromPath[str]
) -> Response[str]:
    """Send a browser to a run of a dataset."""
    return _sent_on(request, project_id, f"llm/datasets/{_part(dataset)}/run?run={_part(run)}")


@get(f"{OF_PROJECT}/experiments/results", include_in_schema=False)
async def get_langfuse_experiment_page(
    request: AnyRequest, project_id: FromPath[str]
) -> Response[str]:
    """Send a browser to the datasets: the address has only a hash of dataset and run."""
    return _sent_on(request, project_id, "llm/datasets")


LINKS = (get_langfuse_trace_page, get_langfuse_run_page, get_langfuse_experiment_page)


def _part(text: str) -> str:
    return quote(text, safe="")


def _sent_on(request: AnyRequest, project_id: str, page: str) -> Response[str]:
    headers = {"Location": f"{prefix_of(request)}/p/{_part(project_id)}/{page}"}
    return Response("", status_code=303, media_type=MediaType.HTML, headers=headers)
