"""The pages of the system `errors`."""
