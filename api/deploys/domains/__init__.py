"""Whether a domain belongs to who gives it to an app."""
