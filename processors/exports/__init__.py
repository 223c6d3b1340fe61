"""Writes the rows of a project into a folder or a bucket, so that a run goes on where one ended."""
