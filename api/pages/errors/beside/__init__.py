"""Pages of what comes beside errors: feedback, files, check-ins."""
