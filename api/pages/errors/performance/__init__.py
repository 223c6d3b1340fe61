"""Performance: transactions, one name, one transaction, the slowest spans; `pages` lists them."""
