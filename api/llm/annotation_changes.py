"""Annotation queues are made, changed and removed by admins: who is signed in, or holds a token of
`admin`."""

from litestar import delete, patch, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED

from api.auth import AnyRequest, admin_project_from_session, entered, services
from api.bodies import body_of
from api.holders import project_in
from api.llm.annotation import ITEM, ONE, PROJECT, QUEUES
from api.llm.annotation_answers import queue_answer
from api.sessions import Done
from controlplane.failures import Forbidden
from controlplane.llm.queue_items import remove_item
from controlplane.llm.queues import add_queue, change_queue, find_queue, remove_queue
from schemas.described import describes
from schemas.llm.annotation import QueueChange, QueueForm
from schemas.llm.annotation_answers import QueueAnswer
from schemas.llm.examples import QUEUE, QUEUE_CHANGE
from schemas.projects import ProjectContext


@post(
    QUEUES,
    status_code=HTTP_201_CREATED,
    summary="Make an annotation queue",
    opt=describes(body=QueueForm, example=QUEUE, asks="project", errors=(409,)),
)
async def post_queue(request: AnyRequest) -> QueueAnswer:
    """Make an annotation queue, for admins: what is asked of each item, and of how many people."""
    return await _make(request, await admin_project_from_session(request))


@patch(
    ONE,
    summary="Change an annotation queue",
    opt=describes(body=QueueChange, example=QUEUE_CHANGE, asks="project", errors=(409,)),
)
async def patch_queue(request: AnyRequest, queue_id: FromPath[str]) -> QueueAnswer:
    """Change the fields that are sent, for admins; the others stay, and so does what was said."""
    return await _change(request, await admin_project_from_session(request), queue_id)


@delete(
    ONE,
    status_code=HTTP_200_OK,
    summary="Remove an annotation queue",
    opt=describes(asks="project"),
)
async def delete_queue(request: AnyRequest, queue_id: FromPath[str]) -> Done:
    """Remove an annotation queue with its items, for admins; the scores stay."""
    return await _remove(request, await admin_project_from_session(request), queue_id)


@post(
    f"{PROJECT}{QUEUES}",
    status_code=HTTP_201_CREATED,
    opt=describes(body=QueueForm, example=QUEUE, asks="token", errors=(409,)),
)
async def make_queue(request: AnyRequest, project_id: FromPath[str]) -> QueueAnswer:
    """Make an annotation queue, with a token of scope `admin`."""
    return await _make(request, await _by_token(request, project_id))


@patch(
    f"{PROJECT}{ONE}",
    opt=describes(body=QueueChange, example=QUEUE_CHANGE, asks="token", errors=(409,)),
)
async def alter_queue(
    request: AnyRequest, project_id: FromPath[str], queue_id: FromPath[str]
) -> QueueAnswer:
    """Change the fields that are sent, with a token of scope `admin`."""
    return await _change(request, await _by_token(request, project_id), queue_id)


@delete(f"{PROJECT}{ONE}", status_code=HTTP_200_OK, opt=describes(asks="token"))
async def drop_queue(
    request: AnyRequest, project_id: FromPath[str], queue_id: FromPath[str]
) -> Done:
    """Remove an annotation queue with its items, with a token of scope `admin`."""
    return await _remove(request, await _by_token(request, project_id), queue_id)


@delete(
    ITEM,
    status_code=HTTP_200_OK,
    summary="Remove one item of an annotation queue",
    opt=describes(asks="project"),
)
async def delete_queue_item(
    request: AnyRequest, queue_id: FromPath[str], queue_item_id: FromPath[str]
) -> Done:
    """Remove an item, for admins and for who added it; the scores stay. Twice is once."""
    session, access = await entered(request)
    if session.key_access is not None:
        raise Forbidden("Forbidden: people remove items; sign in with email and password")
    only_of = None if access.role == "admin" else session.account.user_id
    database, project_id = services(request).database, access.project.project_id
    await remove_item(database, project_id, queue_id, queue_item_id, only_of=only_of)
    return Done()


@delete(f"{PROJECT}{ITEM}", status_code=HTTP_200_OK, opt=describes(asks="token"))
async def drop_queue_item(
    request: AnyRequest,
    project_id: FromPath[str],
    queue_id: FromPath[str],
    queue_item_id: FromPath[str],
) -> Done:
    """Remove one item of an annotation queue, with a token of scope `admin`. Twice is once."""
    project = await _by_token(request, project_id)
    database = services(request).database
    await remove_item(database, project.project_id, queue_id, queue_item_id, only_of=None)
    return Done()


CONTROLS = (post_queue, patch_queue, delete_queue, delete_queue_item)
AGENTS = (make_queue, alter_queue, drop_queue, drop_queue_item)


async def _by_token(request: AnyRequest, project_id: str) -> ProjectContext:
    _, reached = await project_in(request, project_id, needs="admin")
    return reached.access.project


async def _make(request: AnyRequest, project: ProjectContext) -> QueueAnswer:
    form, database = await body_of(request, QueueForm), services(request).database
    made = await add_queue(database, project.project_id, form)
    return queue_answer(await find_queue(database, project.project_id, made.id))


async def _change(request: AnyRequest, project: ProjectContext, queue_id: str) -> QueueAnswer:
    change, database = await body_of(request, QueueChange), services(request).database
    await change_queue(database, project.project_id, queue_id, change)
    return queue_answer(await find_queue(database, project.project_id, queue_id))


async def _remove(request: AnyRequest, project: ProjectContext, queue_id: str) -> Done:
    await remove_queue(services(request).database, project.project_id, queue_id)
    return Done()
