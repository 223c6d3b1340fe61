"""Makes things run: fetches a commit, builds it, starts it, and keeps releases to go back to."""
