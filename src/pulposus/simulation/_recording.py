"""A parameter set that remembers which constants were asked for."""

from __future__ import annotations

from pulposus.parameters import Parameter, ParameterSet

# Tables that are searched for names of discs and species before a value is asked for.
_SEARCHED = ("geometry.", "matrix.aggrecan_turnover")


class RecordingParameters(ParameterSet):
    """A parameter set that remembers which constants were asked for, for the report and for the ensemble."""

    def __init__(self, parameters: ParameterSet) -> None:
        super().__init__(parameters[key] for key in parameters)
        self._asked: set[str] = set()

    def __getitem__(self, key: str) -> Parameter:
        record = super().__getitem__(key)
        self._asked.add(record.key)
        return record

    def under(self, prefix: str) -> dict[str, Parameter]:
        """Records below a table, all of them asked for unless the table is only searched for names."""
        records = super().under(prefix)
        if not prefix.startswith(_SEARCHED):
            self._asked.update(record.key for record in records.values())
        return records

    def used(self) -> list[Parameter]:
        """The constants that were asked for, by key."""
        return [super(RecordingParameters, self).__getitem__(key) for key in sorted(self._asked)]
