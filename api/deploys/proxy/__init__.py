"""A streaming reverse proxy before apps: whose request it is, what passes in both directions."""
