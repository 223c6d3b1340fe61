"""Apps, their deployments, releases and instances; environment, domains, webhooks, audit log."""
