"""The contract of the command line: exit codes, messages, one JSON document, nothing heavy before it is needed."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from importlib import resources

import pytest
import typer

from pulposus import __version__, errors
from pulposus.cli import _commands

HEAVY = {"jax", "numpy", "scipy", "matplotlib", "xarray", "pint", "vtk", "pydantic", "rich", "ruamel.yaml"}


def test_help_lists_every_command(run) -> None:
    ending = run("--help")
    assert ending.code == 0
    for name, entry in _commands.COMMANDS.items():
        assert name in ending.out
        assert entry.summary.split()[0] in ending.out


def test_without_a_command_help_is_shown_as_a_usage_error(run) -> None:
    ending = run()
    assert ending.code == 2
    assert ending.out == run("--help").out


def test_version(run) -> None:
    assert run("--version").out == f"pulposus {__version__}\n"


@pytest.mark.parametrize("name", sorted(_commands.COMMANDS))
def test_every_command_has_help_and_json(run, name: str) -> None:
    ending = run(name, "--help")
    assert ending.code == 0
    text = ending.out if "COMMAND" not in ending.out else run(name, "list", "--help").out
    assert "--json" in text


def test_every_command_module_is_registered() -> None:
    folder = resources.files("pulposus") / "cli"
    with_app = {
        f".{entry.name.removesuffix('.py')}"
        for entry in folder.iterdir()
        if entry.name.endswith(".py") and "\napp = " in entry.read_text(encoding="utf-8")
    }
    assert {entry.module for entry in _commands.COMMANDS.values()} == with_app - {"._main"}


def modules_after(*arguments: str) -> tuple[int, set[str]]:
    """Exit code of a fresh process that runs a command, and the modules it had imported."""
    code = (
        "import sys\n"
        "from pulposus.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print('\\n' + ' '.join(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, set(done.stderr.splitlines()[-1].split())


def test_help_imports_nothing_heavy() -> None:
    """The half second of `--help` is spent by imports: none of the slow packages may be among them."""
    code, modules = modules_after("--help")
    assert code == 0
    assert "typer" in modules
    assert not HEAVY & modules


def test_light_commands_do_not_import_the_numerical_packages() -> None:
    code, modules = modules_after("validate", "human/L4-L5/grade3")
    assert code == 0
    assert not {"jax", "scipy", "matplotlib", "xarray", "vtk"} & modules


@pytest.mark.parametrize(
    ("arguments", "what", "remedy"),
    [
        (("paramters",), 'unknown command "paramters"', 'did you mean "parameters"?'),
        (("parameters", "--colour"), "No such option: --colour", "see pulposus parameters --help"),
        (("schema",), "Missing argument 'kind'. Choose from: protocol, disc", "see pulposus schema --help"),
        (("schema", "mesh"), "'mesh' is not one of 'protocol', 'disc'", "see pulposus schema --help"),
        (("disc",), "Missing command", "see pulposus disc --help"),
    ],
)
def test_usage_errors(run, arguments: tuple[str, ...], what: str, remedy: str) -> None:
    ending = run(*arguments)
    assert ending.code == 2
    assert what in ending.err
    assert remedy in ending.err
    assert "Traceback" not in ending.err


@pytest.mark.parametrize("kind", [error for error in vars(errors).values() if isinstance(error, type)])
def test_every_error_ends_with_its_exit_code(run, command, kind: type[errors.PulposusError]) -> None:
    error = (
        kind("p.yaml", [])
        if kind is errors.InvalidDocument
        else kind("it broke", where="p.yaml:1:2", allowed="a", remedy="b")
    )

    def fail() -> None:
        raise error

    command(fail)
    ending = run("example")
    assert (ending.code, ending.out) == (kind.exit_code, "")
    assert ending.err == f"{error}\n"
    with_json = run("example", "--json")
    assert with_json.code == kind.exit_code
    assert with_json.json == {"error": error.as_dict()}


def test_an_unexpected_error_is_one_line_without_a_traceback(run, command) -> None:
    def fail() -> None:
        raise KeyError("lost")

    command(fail)
    ending = run("example")
    assert ending.code == 1
    assert ending.err == (
        "error[internal]: KeyError: 'lost'\n  help: this is a bug: run again with --debug and report the traceback\n"
    )
    assert run("example", "--json").json["error"]["exit_code"] == 1


@pytest.mark.parametrize("arguments", [("example", "--debug"), ("--debug", "example")])
def test_debug_shows_the_traceback(run, command, arguments: tuple[str, ...]) -> None:
    def fail() -> None:
        raise KeyError("lost")

    command(fail)
    ending = run(*arguments)
    assert ending.code == 1
    assert "Traceback (most recent call last)" in ending.err
    assert "KeyError: 'lost'" in ending.err


def test_debug_of_an_expected_error(run, command) -> None:
    def fail() -> None:
        raise errors.SolverFailed("no convergence")

    command(fail)
    ending = run("example", "--debug")
    assert ending.code == 4
    assert "Traceback" in ending.err


def test_a_full_disk_is_not_a_bug(run, command) -> None:
    def fail() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "run/fields.nc")

    command(fail)
    ending = run("example")
    assert ending.code == 3
    assert "No space left on device\n  --> run/fields.nc" in ending.err


def test_another_system_error_is_a_bug(run, command) -> None:
    def fail() -> None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    command(fail)
    assert run("example").code == 1


@pytest.mark.parametrize(("interruption", "code"), [(KeyboardInterrupt, 130), (typer.Abort, 130)])
def test_an_interruption_from_the_keyboard(run, command, interruption: type[BaseException], code: int) -> None:
    def fail() -> None:
        raise interruption

    command(fail)
    ending = run("example")
    assert (ending.code, ending.err) == (code, "interrupted\n")


def test_termination_by_the_system(run, command) -> None:
    def fail() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5.0)  # the signal arrives first

    command(fail)
    ending = run("example")
    assert (ending.code, ending.err) == (143, "terminated\n")


def test_a_command_may_choose_its_exit_code(run, command) -> None:
    def partly() -> None:
        raise typer.Exit(5)

    command(partly)
    assert run("example").code == 5


def test_a_reader_that_stops_early_is_no_error() -> None:
    code = "from pulposus.cli import main; main(['parameters'])"
    done = subprocess.run(
        f'"{sys.executable}" -c "{code}" | head -1; exit ${{PIPESTATUS[0]}}',
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1


def test_json_refuses_numbers_that_json_does_not_have(run, command) -> None:
    from pulposus.cli._output import print_json

    command(lambda: print_json({"value": float("nan")}))
    assert run("example").code == 1


def test_json_writes_arrays_as_lists(run, command) -> None:
    import numpy as np

    from pulposus.cli._output import print_json

    command(lambda: print_json({"value": np.array([1.0, 2.0]), "one": np.float64(3.0), "unit": "\u00b5m"}))
    assert (
        run("example").out
        == json.dumps({"value": [1.0, 2.0], "one": 3.0, "unit": "\u00b5m"}, indent=2, ensure_ascii=False) + "\n"
    )


def test_notes_go_to_stderr(run, command) -> None:
    from pulposus.cli._output import print_note

    command(lambda: print_note("step 1", "step 2"))
    ending = run("example")
    assert (ending.out, ending.err) == ("", "step 1\nstep 2\n")
