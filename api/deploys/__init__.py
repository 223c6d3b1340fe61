"""Apps and their deployments over HTTP."""
