"""Where the numbers of a disc come from: what the user wrote before what the parameter files hold."""

from __future__ import annotations

from pulposus.disc._disc import Value
from pulposus.disc._library import numeral
from pulposus.parameters import Parameter, ParameterSet


class Sheet:
    """Looks numbers up, what the user wrote before what the parameter files hold, and remembers where each came from."""

    def __init__(self, parameters: ParameterSet, grade: int) -> None:
        self._parameters = parameters
        self._numeral = numeral(grade)
        self.values: list[Value] = []

    def take(
        self,
        name: str,
        key: str,
        given: float | None = None,
        factor: float = 1.0,
        origin: str = "written in the disc document",
    ) -> float:
        """The number under a key, times a factor, or the given one as it is, with its origin."""
        record = self._parameters[key]
        if given is None:
            self._note(name, record.value * factor, record)
            return record.value * factor
        self.values.append(Value(name, given, record.unit, "given", origin))
        return given

    def note_given(self, name: str, value: float, unit: str, origin: str = "written in the disc document") -> None:
        """Remember a number of the document that replaces no constant."""
        self.values.append(Value(name, value, unit, "given", origin))

    def graded(self, name: str, table: str, given: float | None = None) -> float:
        """The number of the disc's grade in a grade table, or the given one."""
        return self.take(name, self.grade_key(table), given)

    def grade_key(self, table: str) -> str:
        """Key of the number of the disc's grade in a grade table."""
        return f"grades.{table}.{self._numeral}"

    def relative_to_healthy(self, table: str) -> float:
        """The number of the disc's grade over that of grade I."""
        return self._parameters.value(self.grade_key(table)) / self._parameters.value(f"grades.{table}.{numeral(1)}")

    def _note(self, name: str, value: float, record: Parameter) -> None:
        self.values.append(Value(name, value, record.unit, record.status, record.source))

    def knows(self, key: str) -> bool:
        """Whether the parameter files hold a key."""
        return key in self._parameters
