"""Floor 7: the `gan3dinv` command. Subcommands are dataclasses that import what they run only when they run."""

from gan3dinv_ns.cli.command import main

__all__ = ["main"]
