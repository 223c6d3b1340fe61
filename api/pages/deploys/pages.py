"""Which pages the system `deploys` has, in the order of the navigation."""

from api.pages.deploys import (
    app,
    asking,
    deployment,
    domains,
    environment,
    impact,
    listing,
    log,
    settings,
    webhooks,
)
from api.pages.navigation import Link, Section

SECTIONS = (
    Section(
        "Deployments",
        (
            Link("App", "deploys/app"),
            Link("Deployments", "deploys/deployments"),
            Link("Environment", "deploys/environment"),
            Link("Domains", "deploys/domains"),
            Link("Git webhooks", "deploys/webhooks"),
            Link("App settings", "deploys/settings"),
        ),
        (
            *app.HANDLERS,
            *asking.HANDLERS,
            *listing.HANDLERS,
            *deployment.HANDLERS,
            *log.HANDLERS,
            *impact.HANDLERS,
            *environment.HANDLERS,
            *domains.HANDLERS,
            *webhooks.HANDLERS,
            *settings.HANDLERS,
        ),
    ),
)
