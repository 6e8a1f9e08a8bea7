"""Errors that a user can act on.

One class per exit code of the command line. Every error says what happened, where, what is allowed and what to do; nothing here is
meant to be read as a traceback.
"""

from __future__ import annotations


class PulposusError(Exception):
    """Base of every error that the program reports to a person.

    Attributes:
        exit_code: Exit status of the command line for this kind of error.
        what: What happened, one sentence without a full stop.
        where: File, line and field, or the option, that caused it.
        allowed: What would have been accepted.
        remedy: What to do next.
    """

    exit_code = 1
    kind = "internal"

    def __init__(self, what: str, *, where: str = "", allowed: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.allowed = allowed
        self.remedy = remedy

    def __str__(self) -> str:
        lines = [f"error[{self.kind}]: {self.what}"]
        for label, text in (("-->", self.where), ("allowed:", self.allowed), ("help:", self.remedy)):
            if text:
                lines.append(f"  {label} {text}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, object]:
        """The same content for `--json`."""
        return {
            "kind": self.kind,
            "exit_code": self.exit_code,
            "what": self.what,
            "where": self.where,
            "allowed": self.allowed,
            "remedy": self.remedy,
        }


class UsageError(PulposusError):
    """The command line itself is wrong (unknown option, missing argument)."""

    exit_code = 2
    kind = "usage"


class InvalidInput(PulposusError):
    """A file, a protocol, a disc or a value that cannot be used."""

    exit_code = 3
    kind = "invalid-input"


class InvalidDocument(InvalidInput):
    """Several problems of one document, reported together.

    Attributes:
        problems: One `InvalidInput` per problem, in the order of the file.
    """

    kind = "invalid-document"

    def __init__(self, name: str, problems: list[InvalidInput]) -> None:
        count = len(problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in {name}", where=name)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join([*(str(problem) for problem in self.problems), f"{self.what}"])

    def as_dict(self) -> dict[str, object]:
        """The same content for `--json`, with every problem."""
        return {**super().as_dict(), "problems": [problem.as_dict() for problem in self.problems]}


class SolverFailed(PulposusError):
    """A solver did not converge; the last good state is kept."""

    exit_code = 4
    kind = "solver-failed"


class PartialFailure(PulposusError):
    """Some members of a batch failed; the rest is complete."""

    exit_code = 5
    kind = "partial"


class MissingPart(PulposusError):
    """An optional package or a system library is missing."""

    exit_code = 6
    kind = "missing-part"


class CheckFailed(PulposusError):
    """A check that was asked for did not hold."""

    exit_code = 7
    kind = "check-failed"
