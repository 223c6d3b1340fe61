"""The routes of the system `errors` that take items in: Open Sentry's and those of Sentry."""
