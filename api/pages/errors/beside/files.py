"""A file of an event: as a download, and a picture as a picture."""

from litestar import Response, get
from litestar.params import FromPath

from api.auth import AnyRequest
from api.errors.attachments import answer_file, as_download, as_picture
from api.pages.viewer import Viewed
from api.reads import reader_of

PATH = "/errors/attachments/{attachment_id:str}"


@get(PATH, include_in_schema=False)
async def download_file(
    request: AnyRequest, viewer: Viewed, attachment_id: FromPath[str]
) -> Response[bytes]:
    """Return a file, which no browser shows."""
    return await answer_file(reader_of(request, viewer.project), attachment_id, as_download)


@get(f"{PATH}/picture", include_in_schema=False)
async def show_picture(
    request: AnyRequest, viewer: Viewed, attachment_id: FromPath[str]
) -> Response[bytes]:
    """Return a file that is a picture by its bytes, to be shown."""
    return await answer_file(reader_of(request, viewer.project), attachment_id, as_picture)


HANDLERS = (download_file, show_picture)
