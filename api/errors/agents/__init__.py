"""The API for programs with an API token, below `/api/v1`: contract 3.a.3 of Open Sentry."""
