"""What events of the system `errors` mean: pure steps from what the log holds to rows."""
