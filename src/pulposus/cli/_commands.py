"""The table of commands, and the group that imports a command's module when it is called."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup

from pulposus.errors import UsageError


class Entry(NamedTuple):
    """Where a command lives.

    Attributes:
        module: Module of this package with the command's `app`.
        summary: One line for `pulposus --help`.
    """

    module: str
    summary: str


COMMANDS = {
    "demo": Entry(
        "._demo", "Run the published protocol of Orozco 2011 and open its report: the main job on real input."
    ),
    "run": Entry(
        "._run", "Simulate a protocol in a disc, beside its sham and the disc left alone; write a run directory."
    ),
    "compare": Entry("._compare", "Simulate several arms side by side in one disc; write one report."),
    "resume": Entry("._resume", "Go on with a run or a comparison that was interrupted."),
    "export": Entry("._export", "Write a run for ParaView, 3D Slicer, FEBio, Abaqus, or as a table."),
    "image": Entry("._image", "Render a synthetic MR image, a map or a histology slide of a run."),
    "nutrition": Entry("._nutrition", "Solve the steady oxygen, glucose, lactate and pH of one disc."),
    "mechanics": Entry("._mechanics", "Compute height, pressure, stiffness and strain of one disc under a load."),
    "disc": Entry("._disc", "List the built-in discs, or show one with its sizes, numbers and a picture."),
    "evidence": Entry("._evidence", "List, pool, draw and extend the published evidence; claims with their verdicts."),
    "validate": Entry("._validate", "Check a protocol or a disc without computing; report every problem at once."),
    "parameters": Entry("._parameters", "List the model's constants with unit, range, source and status."),
    "schema": Entry("._schema", "Print the JSON Schema of a document, for editors and other programs."),
    "doctor": Entry("._doctor", "Show versions, machine, cache and optional parts; say what is missing."),
    "cite": Entry("._cite", "Print how to cite the program and the sources of its constants."),
}


def command_app(**options: Any) -> typer.Typer:
    """A `typer` application as every command module uses it: plain help, errors left to `main`."""
    return typer.Typer(
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        **options,
    )


class CommandTable(TyperGroup):
    """A group whose commands are those of the table."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, from its module.

        Raises:
            UsageError: There is no such command.
        """
        if cmd_name not in COMMANDS:
            from pulposus.documents import nearest

            raise UsageError(
                f'unknown command "{cmd_name}"', allowed=", ".join(COMMANDS), remedy=nearest(cmd_name, COMMANDS)
            )
        command = typer.main.get_command(importlib.import_module(COMMANDS[cmd_name].module, __package__).app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The summaries of the table; no module is imported for them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])
