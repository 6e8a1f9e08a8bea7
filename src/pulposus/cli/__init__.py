"""The command line.

A command is a module of this package with a `typer` application called `app` (made by `command_app`), and one line in the table of
`_commands`. Modules are imported when their command is called, so that `--help` and the light commands stay fast.
"""

from pulposus._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, {"main": "._main"})
