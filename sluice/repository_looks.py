"""Looks at repositories for whoever is about to deploy one, a few at a time."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from api.rates import Rates
from controlplane.failures import TooManyRequests
from schemas.deploys.apps import AppConfig
from schemas.deploys.looking import Detected, NotDetected, Wanted

if TYPE_CHECKING:
    from deploys.looking import Seen

AT_ONCE = 2
MOST_WAITING = 8
A_MINUTE = 10
"""Looks that one person, or one token of a project, may take in a minute."""
AGAIN_S = 20
MAX_MESSAGE_CHARS = 200


class Looker:
    """Takes looks, in this process. `folder` is for what is fetched, and holds nothing between."""

    def __init__(self, folder: Path, *, private_allowed: bool, has_docker: bool = False) -> None:
        self._folder = folder
        self._private_allowed = private_allowed
        self._has_docker = has_docker
        self._rates = Rates(A_MINUTE)
        self._places = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def look(self, who: str, wanted: Wanted) -> Detected | NotDetected:
        """Takes a look for somebody. Raises `TooManyRequests`."""
        await self._rates.take(who)
        if self._waiting >= MOST_WAITING:
            text = "Too many looks at repositories are under way"
            raise TooManyRequests(text, retry_after_s=AGAIN_S)
        self._waiting += 1
        try:
            async with self._places:
                return await self._look(wanted)
        finally:
            self._waiting -= 1

    async def _look(self, wanted: Wanted) -> Detected | NotDetected:
        # Not before: what it imports takes a part of a second.
        from deploys.checkout import Source
        from deploys.failures import CheckoutFailed, NoSuchBranch, NoSuchFolder, NothingDetected
        from deploys.looking import look

        source = Source(
            app="look", url=wanted.repo_url, token=wanted.git_token, branch=wanted.branch
        )
        try:
            seen = await look(
                self._folder,
                source,
                wanted.run_dir,
                private_allowed=self._private_allowed,
                has_docker=self._has_docker,
            )
        except NoSuchBranch as error:
            return NotDetected("branch", str(error))
        except CheckoutFailed as error:
            return NotDetected("repo_url", str(error))
        except NoSuchFolder as error:
            return NotDetected("run_dir", str(error))
        except NothingDetected as error:
            return NotDetected("start_command", str(error))
        return _detected(wanted, seen)


def _detected(wanted: Wanted, seen: "Seen") -> Detected:
    plan, commit = seen
    return Detected(
        kind=plan.kind,
        install_command=plan.install,
        build_command=plan.build,
        start_command=plan.start,
        output_folder=plan.site,
        # Nothing in a repository says which path it is: the one that is taken is shown.
        health_path=AppConfig().health_path,
        run_dir=wanted.run_dir,
        language=plan.language,
        framework=plan.framework,
        package_manager=plan.package_manager,
        why=plan.why,
        branch=wanted.branch,
        commit_sha=commit.sha,
        commit_msg=commit.message.partition("\n")[0][:MAX_MESSAGE_CHARS],
    )
