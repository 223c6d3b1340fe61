"""`sluice mcp`: the agent API for models, over the Model Context Protocol."""

from typing import Annotated

import typer

from sluice.commands.errors import WrongCall
from sluice.commands.options import address_of, settings_with

NO_TOKEN = "no API token: set SLUICE_MCP_TOKEN to one that sluice token create prints"


def serve_mcp(
    url: Annotated[
        str | None,
        typer.Option(
            help="Address of the server; else SLUICE_MCP_URL, else sluice up on this machine."
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            help="API token; else SLUICE_MCP_TOKEN, which other people on this machine cannot see."
        ),
    ] = None,
) -> None:
    """Let a model ask a running server: an MCP server on standard input and output.

    A program such as Claude Code starts it. docs/mcp.md shows how.
    """
    settings = settings_with(mcp_url=url, mcp_token=token)
    if not settings.mcp_token:
        raise WrongCall(NO_TOKEN)

    from sluice.mcp.server import serve

    serve(settings.mcp_url or address_of(settings), settings.mcp_token)
