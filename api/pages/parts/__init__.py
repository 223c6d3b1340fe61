"""What pages are made of: one file a part, its markup in `api/templates/parts`."""
