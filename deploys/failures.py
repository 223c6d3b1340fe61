"""Why a deployment cannot go on, in words for people.

Cancelled               somebody wanted the deployment to end
DeployFailed            a step cannot be done; its text says what to change
├── CheckoutFailed      the commit could not be fetched
│   └── NoSuchBranch    the repository has no such branch
├── NothingDetected     nobody knows how to build or start what was fetched
│   └── NoSuchFolder    the folder that is to be run is none of the repository
├── ReleaseTooLarge     what was built takes more than it may
├── NoPortLeft          each port for apps is taken
└── Unhealthy           the app does not answer
"""


class DeployFailed(Exception):
    """Raised when a step of a deployment cannot be done."""


class Cancelled(Exception):
    """Raised when a step was ended because somebody wanted that."""


class CheckoutFailed(DeployFailed):
    """Raised when a commit could not be fetched."""


class NoSuchBranch(CheckoutFailed):
    """Raised when a repository has no branch or tag of a name, or nothing at all."""


class NothingDetected(DeployFailed):
    """Raised when it is not clear how to build or start what was fetched."""


class NoSuchFolder(NothingDetected):
    """Raised when the folder that a project names is no folder of its repository."""


class ReleaseTooLarge(DeployFailed):
    """Raised when a release takes more space than it may."""


class NoPortLeft(DeployFailed):
    """Raised when each port for apps is taken."""


class Unhealthy(DeployFailed):
    """Raised when an app does not answer, or ended before it did."""
