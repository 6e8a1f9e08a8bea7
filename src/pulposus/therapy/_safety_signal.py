"""What a safety signal is, and what it is made of (cells_matrix 9)."""

from __future__ import annotations

from dataclasses import dataclass

from pulposus.disc import Disc
from pulposus.parameters import Parameter, ParameterSet
from pulposus.therapy._fields import Status
from pulposus.therapy._insults import OPENED
from pulposus.therapy._protocol import Protocol
from pulposus.therapy._safe_dose import SafeDose
from pulposus.therapy._treatment import Treatment


@dataclass(frozen=True)
class SafetySignal:
    """One signal.

    Attributes:
        name: What it is about, such as osteophyte.
        value: The number; None where the signal is words only.
        unit: Its unit; "1" for probabilities and shares.
        low, high: Range from the range of the constant behind it; None without one.
        flagged: Whether a person should look.
        statement: One sentence for people.
        status: How well the constants behind it are known.
        source: Where they come from.
    """

    name: str
    value: float | None
    unit: str
    low: float | None
    high: float | None
    flagged: bool
    statement: str
    status: Status
    source: str


@dataclass(frozen=True)
class Observed:
    """What a simulation saw; whatever it did not compute stays None.

    Attributes:
        time: Length of the follow-up [day].
        leaked: Living donor cells that left the disc, back-flow included [million].
        leaked_differentiated: Share of them that was differentiated.
        low_glucose_share: Largest share of the nucleus below the glucose threshold.
        native_survival: Native cells at the time of the criterion, over those of the sham.
        glycosaminoglycan: Mean of the nucleus at the start and at the end, treated [mg/mL].
        sham, untreated: The same mean at the end after the needle alone, and in the disc left alone [mg/mL].
        sensitisation: Immune sensitisation at the end, 0 to 1.
        safe_dose: Largest dose that the disc can feed.
        yearly_gain: Largest relative gain of glycosaminoglycan within a year [1/year]; that from start to end if None.
    """

    time: float
    leaked: float | None = None
    leaked_differentiated: float = 0.0
    low_glucose_share: float | None = None
    native_survival: float | None = None
    glycosaminoglycan: tuple[float, float] | None = None
    sham: float | None = None
    untreated: float | None = None
    sensitisation: float | None = None
    safe_dose: SafeDose | None = None
    yearly_gain: float | None = None


@dataclass(frozen=True)
class Case:
    """What the signals are made of."""

    protocol: Protocol
    treatment: Treatment
    disc: Disc
    seen: Observed
    constants: ParameterSet

    def constant(self, name: str) -> Parameter:
        return self.constants[f"therapy.safety.{name}"]

    def value(self, name: str) -> float:
        return self.constant(name).value

    @property
    def fissure(self) -> float:
        return float(self.disc.condition.fissure_fraction)

    @property
    def is_human(self) -> bool:
        return self.disc.description.species == "human"

    @property
    def opens(self) -> bool:
        """Whether the treatment itself opens the disc."""
        return any(one.kind in OPENED for one in self.treatment.insults if one.time_before_treatment == 0.0)

    @property
    def opened(self) -> bool:
        """Whether the treatment, or an injury before it, opens the disc."""
        return any(one.kind in OPENED for one in self.treatment.insults)


def signal_of(
    record: Parameter,
    name: str,
    value: float | None,
    statement: str,
    *,
    unit: str = "1",
    bounds: tuple[float, float] | None = None,
    flagged: bool = False,
) -> SafetySignal:
    """A signal whose evidence is that of one constant."""
    low, high = bounds or (None, None)
    return SafetySignal(name, value, unit, low, high, flagged, statement, record.status, record.source)
