"""The pages by which public status pages are made and published."""
