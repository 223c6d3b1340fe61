"""How projects and deployments are answered, with every key that Pushpaka's have."""

from api.auth import AnyRequest, prefix_of
from controlplane.deploys.app_views import AppView
from schemas.deploys.answers import DeployedProject, DeploymentRow, HistoryRow
from schemas.deploys.deployments import Deployment, DeploymentEvent
from schemas.deploys.routing import segment_of
from schemas.deploys.states import ENDED
from schemas.times import iso_ms


def base_of(request: AnyRequest) -> str:
    """Returns the address under which the request has reached us."""
    return str(request.base_url).rstrip("/") + prefix_of(request)


def project_row(view: AppView, base: str) -> DeployedProject:
    """Returns a project with its app."""
    config = view.config
    same = {
        name: getattr(config, name)
        for name in config.__struct_fields__
        if name in DeployedProject.__struct_fields__
    }
    return DeployedProject(
        **same,
        id=view.project_id,
        created_at=iso_ms(view.created_us),
        updated_at=iso_ms(view.updated_us),
        user_id=view.user_id,
        name=view.name,
        status=_status(view),
        clone_directory="",
        git_clone_path="",
        main_deploy_id=view.running_id,
        current_task_id="" if view.newest_status in ("", *ENDED, "running") else view.newest_id,
        latest_task_id=view.newest_id,
        task_status="",
        latest_commit_sha=view.commit_sha,
        latest_commit_msg=view.commit_msg,
        latest_commit_at=None if view.commit_us is None else iso_ms(view.commit_us),
        deployment_status=view.newest_status or "stopped",
        url=_at_domain(view.host, base) or f"{base}/app/{view.project_id}",
        driver=view.driver,
        has_git_token=view.has_git_token,
    )


def _status(view: AppView) -> str:
    """Returns what the project is as a whole: what serves counts more than what is built."""
    if view.running_id:
        return "active"
    if view.newest_status in ("queued", "building"):
        return "building"
    return "stopped" if view.newest_status else "inactive"


def place_of(one: Deployment, base: str) -> str:
    """Returns where a deployment is reached: at its domain, else by the path of its environment."""
    path = f"{base}/app/{segment_of(one.project_id, one.environment)}"
    return _at_domain(one.host, base) or path


def _at_domain(host: str, base: str) -> str:
    scheme, is_whole, _ = base.partition("://")
    return f"{scheme}://{host}" if host and is_whole else ""


def deployment_row(one: Deployment, base: str) -> DeploymentRow:
    """Returns a deployment; `worker_id` is its deployer, `image_tag` its release."""
    return DeploymentRow(
        id=one.id,
        created_at=iso_ms(one.created_us),
        updated_at=iso_ms(one.updated_us),
        project_id=one.project_id,
        user_id=one.user_id or "",
        worker_id=one.deployer,
        commit_sha=one.commit_sha,
        commit_msg=one.commit_msg,
        branch=one.branch,
        status=one.status,
        image_tag="" if one.release_id is None else f"pushpaka/{one.project_id[:8]}:{one.id[:8]}",
        container_id="",
        url=place_of(one, base) if one.status == "running" else "",
        external_port=one.port,
        is_default=one.is_default,
        error_msg=one.error_msg,
        resolution=one.resolution,
        started_at=_moment(one.started_us),
        finished_at=_moment(one.finished_us),
        environment=one.environment,
        phase=one.phase,
        kind=one.kind,
        origin=one.origin,
        author=one.author,
        source_id=one.source_id or "",
        superseded_by=one.superseded_by or "",
        is_build_only=one.build_only,
        attempt=one.attempt,
        cancel_requested=one.cancel_us is not None,
        restarts=one.restarts,
    )


def history_row(one: DeploymentEvent) -> HistoryRow:
    """Returns a change of a deployment."""
    return HistoryRow(one.number, iso_ms(one.at_us), one.status, one.phase, one.author, one.reason)


def _moment(us: int | None) -> str | None:
    return None if us is None else iso_ms(us)
