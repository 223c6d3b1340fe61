"""The pages of the system `llm`; `pages` puts them into the navigation."""
