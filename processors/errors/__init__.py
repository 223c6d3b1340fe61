"""What errors and transactions mean: read, masked, grouped, and what follows from them."""
