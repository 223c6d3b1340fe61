"""What `sentry-cli` and Sentry's bundler plugins call, below `/api/0`."""
