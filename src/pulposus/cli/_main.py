"""Entry point: runs one command and turns every ending into the exit code and the message of the contract.

Exit codes: 0 done; 1 bug; 2 usage; 3 invalid input; 4 a solver failed; 5 partial; 6 an optional part is missing; 7 a check did not hold;
130 and 143 interrupted. Messages go to stderr; with `--json` the error is also the JSON document on stdout. A command that has printed its
own document ends with `typer.Exit(code)` instead of an error.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer

from pulposus import __version__
from pulposus.cli._commands import CommandTable, command_app
from pulposus.errors import InvalidInput, PulposusError, UsageError

_STORAGE_PROBLEMS = {errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.ENOSPC, errno.EPERM, errno.EROFS}

INTERRUPTED, TERMINATED = 130, 143

app = command_app(cls=CommandTable)


def _print_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"pulposus {__version__}\n")
        raise typer.Exit


@app.callback()
def pulposus(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error; allowed anywhere.")] = False,
) -> None:
    """An in-silico laboratory for cell therapy of the degenerated intervertebral disc. Research use, not medical advice."""


class _Terminated(BaseException):
    """The process was asked to end (SIGTERM)."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Args:
        arguments: Words after the program's name; those of the process where left out.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = words[: words.index("--")] if "--" in words else words
    debug, as_json = "--debug" in options, "--json" in options
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _terminate)
    sys.exit(_run([word for word in words if word != "--debug"], debug=debug, as_json=as_json))


def _run(words: list[str], *, debug: bool, as_json: bool) -> int:
    """Exit code of a command, after its messages."""
    try:
        code = typer.main.get_command(app)(args=words or ["--help"], prog_name="pulposus", standalone_mode=False)
        sys.stdout.flush()
        if code == INTERRUPTED:  # typer turns the keyboard's interrupt into this code
            sys.stderr.write("interrupted\n")
        if not words:
            return UsageError.exit_code
        return code if isinstance(code, int) else 0
    except BrokenPipeError:
        # The reader has seen enough (`pulposus parameters | head`); keep Python from flushing into the closed pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except PulposusError as error:
        return _report(error, debug=debug, as_json=as_json)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "pulposus"
        message: Any = getattr(error, "format_message", error.__str__)()
        what = " ".join(str(message).replace("Value error, ", "").split()).rstrip(".")
        usage = UsageError(what, remedy=f"see {command} --help")
        return _report(usage, debug=debug, as_json=as_json)
    except typer.Abort:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except _Terminated:
        sys.stderr.write("terminated\n")
        return TERMINATED
    except OSError as error:
        if error.errno not in _STORAGE_PROBLEMS:
            return _report(_bug(error), debug=debug, as_json=as_json)
        problem = InvalidInput(
            str(error.strerror), where=str(error.filename or "output"), remedy="choose another place"
        )
        problem.__cause__ = error
        return _report(problem, debug=debug, as_json=as_json)
    except Exception as error:
        return _report(_bug(error), debug=debug, as_json=as_json)


def _bug(error: Exception) -> PulposusError:
    """What a person should know of an error that the program did not expect."""
    first_line = next(iter(str(error).splitlines()), "")
    bug = PulposusError(
        f"{type(error).__name__}: {first_line}".rstrip(": "),
        remedy="this is a bug: run again with --debug and report the traceback",
    )
    bug.__cause__ = error
    return bug


def _report(error: PulposusError, *, debug: bool, as_json: bool) -> int:
    if debug:
        import traceback

        sys.stderr.write("".join(traceback.format_exception(error.__cause__ or error)))
    sys.stderr.write(f"{error}\n")
    if as_json:
        sys.stdout.write(json.dumps({"error": error.as_dict()}, indent=2, ensure_ascii=False) + "\n")
    return error.exit_code


def _terminate(number: int, frame: object) -> NoReturn:
    raise _Terminated
