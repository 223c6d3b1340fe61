"""Which pages the system `deploys` has, in the order of the navigation."""

from api.pages.deploys import app, deployment, listing
from api.pages.navigation import Link, Section

SECTIONS = (
    Section(
        "Deployments",
        (
            Link("App", "deploys/app"),
            Link("Deployments", "deploys/deployments"),
        ),
        (*app.HANDLERS, *listing.HANDLERS, *deployment.HANDLERS),
    ),
)
