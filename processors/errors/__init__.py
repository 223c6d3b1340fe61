"""What events of the system `errors` mean: pure steps from what came to rows."""
