"""Who is told of monitors and incidents, and of what."""
