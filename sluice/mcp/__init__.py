"""The MCP server of `sluice mcp`: tools over the API for holders of tokens."""
