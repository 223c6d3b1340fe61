"""Budgets are made, changed and removed by admins: who is signed in, or holds a token of `admin`.

An API key does not: it stands in programs, which must not raise their own budgets.
"""

from litestar import delete, patch, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED

from api.auth import AnyRequest, admin_project_from_session, services
from api.bodies import body_of
from api.holders import project_in
from api.llm.budgets import PROJECT, hours_of, shown, stand_of, states_of
from api.sessions import Done
from controlplane.llm.budgets import add_budget, change_budget, remove_budget
from schemas.described import describes
from schemas.llm.budgets import BUDGET, CHANGE, BudgetAnswer, BudgetChange, BudgetForm
from schemas.projects import ProjectContext


@post(
    "/budgets",
    status_code=HTTP_201_CREATED,
    summary="Make a budget",
    opt=describes(body=BudgetForm, example=BUDGET, asks="project", errors=(409,)),
)
async def post_budget(request: AnyRequest) -> BudgetAnswer:
    """Make a budget, for admins. It tells the channels in `channel_ids`."""
    return await _make(request, await admin_project_from_session(request))


@patch(
    "/budgets/{budget_id:str}",
    summary="Change a budget",
    opt=describes(body=BudgetChange, example=CHANGE, asks="project"),
)
async def patch_budget(request: AnyRequest, budget_id: FromPath[str]) -> BudgetAnswer:
    """Change the fields that are sent, for admins; the others stay."""
    return await _change(request, await admin_project_from_session(request), budget_id)


@delete(
    "/budgets/{budget_id:str}",
    status_code=HTTP_200_OK,
    summary="Remove a budget",
    opt=describes(asks="project"),
)
async def delete_budget(request: AnyRequest, budget_id: FromPath[str]) -> Done:
    """Remove a budget with what it told, for admins."""
    return await _remove(request, await admin_project_from_session(request), budget_id)


@post(
    f"{PROJECT}/budgets",
    status_code=HTTP_201_CREATED,
    opt=describes(body=BudgetForm, example=BUDGET, asks="token", errors=(409,)),
)
async def make_budget(request: AnyRequest, project_id: FromPath[str]) -> BudgetAnswer:
    """Make a budget, with a token of scope `admin`."""
    return await _make(request, await _by_token(request, project_id))


@patch(
    f"{PROJECT}/budgets/{{budget_id:str}}",
    opt=describes(body=BudgetChange, example=CHANGE, asks="token"),
)
async def alter_budget(
    request: AnyRequest, project_id: FromPath[str], budget_id: FromPath[str]
) -> BudgetAnswer:
    """Change the fields that are sent, with a token of scope `admin`."""
    return await _change(request, await _by_token(request, project_id), budget_id)


@delete(
    f"{PROJECT}/budgets/{{budget_id:str}}",
    status_code=HTTP_200_OK,
    opt=describes(asks="token"),
)
async def drop_budget(
    request: AnyRequest, project_id: FromPath[str], budget_id: FromPath[str]
) -> Done:
    """Remove a budget with what it told, with a token of scope `admin`."""
    return await _remove(request, await _by_token(request, project_id), budget_id)


CONTROLS = (post_budget, patch_budget, delete_budget)
AGENTS = (make_budget, alter_budget, drop_budget)


async def _by_token(request: AnyRequest, project_id: str) -> ProjectContext:
    _, reached = await project_in(request, project_id, needs="admin")
    return reached.access.project


async def _make(request: AnyRequest, project: ProjectContext) -> BudgetAnswer:
    form = await body_of(request, BudgetForm)
    made = await add_budget(services(request).database, project.project_id, form)
    return await _answer(request, project, made.id)


async def _change(request: AnyRequest, project: ProjectContext, budget_id: str) -> BudgetAnswer:
    database, change = services(request).database, await body_of(request, BudgetChange)
    changed = await change_budget(database, project.project_id, budget_id, change)
    return await _answer(request, project, changed.id)


async def _remove(request: AnyRequest, project: ProjectContext, budget_id: str) -> Done:
    await remove_budget(services(request).database, project.project_id, budget_id)
    states_of(request).forget(project.project_id)
    return Done()


async def _answer(request: AnyRequest, project: ProjectContext, budget_id: str) -> BudgetAnswer:
    states_of(request).forget(project.project_id)
    stand = await stand_of(request, project)
    hours = await hours_of(request, project, stand)
    return next(shown(one, stand, hours) for one in stand.budgets if one.id == budget_id)
