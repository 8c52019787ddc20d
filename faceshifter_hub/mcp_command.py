"""`faceshifter mcp`: starts the server of mcp.py."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_mcp(subparsers: "Subparsers") -> None:
    """Add `faceshifter mcp`."""
    parser = subparsers.add_parser("mcp", help="let language models swap faces: an MCP server on stdin and stdout")
    parser.add_argument(
        "--folder", type=Path, required=True, metavar="DIR", help="the only folder it reads and writes"
    )
    parser.add_argument("--pipeline", metavar="ADDRESS", help="registered name, folder or hf://owner/repo")
    parser.set_defaults(run=run_mcp)


def run_mcp(arguments: argparse.Namespace) -> None:
    """Serve until the client leaves."""
    from faceshifter_hub.mcp import Tools, build_server
    from faceshifter_hub.media.apart import use_decoder_processes

    server = build_server(Tools(arguments.folder, arguments.pipeline))
    use_decoder_processes()
    server.run()
