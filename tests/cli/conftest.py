"""Running the command line inside the test process."""

from __future__ import annotations

import json
import signal
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from pulposus.cli import _commands, main
from pulposus.cli._output import Json


@dataclass(frozen=True)
class Ending:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


Run = Callable[..., Ending]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """`run("parameters", "--json")` is the ending of that command."""
    before = signal.getsignal(signal.SIGTERM)

    def call(*arguments: str) -> Ending:
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        captured = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return Ending(caught.value.code, captured.out, captured.err)

    yield call
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Registers a function as the command `example`."""

    def register(function: Callable[[], object]) -> None:
        module = types.ModuleType("pulposus_example_command")
        module.app = _commands.command_app()

        def body(as_json: Json = False) -> object:
            return function()

        module.app.command()(body)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(_commands.COMMANDS, "example", _commands.Entry(module.__name__, "An example."))

    return register
