r"""The largest dose that this disc can feed: a root of the steady nutrition in the dose (cells_matrix 9; rulings 12, 13).

A dose N starves the disc where more than 5 % of the nucleus holds less than 0.5 mM glucose, or where fewer than 95 % of the native cells
that a sham would leave are alive at day 28:

.. math::

    m(N) = \min\Big(\frac{g_{5\%}(N)}{g^*} - 1,\ \frac{S(N)}{0.95\, S(0)} - 1\Big) = 0, \qquad
    S(N) = \frac{\int n\, e^{-(k_g + k_a)\, 28\,d} dV}{\int n\, dV}

:math:`g_{5\%}` is the glucose that 5 % of the nucleus stays below, and :math:`k_g, k_a` are the death laws of native cells in the steady
solutes. Both parts fall with the dose, so the root is one and is bracketed by the sham and by the densest bolus that is accepted.

Approximations: the donor cells stay as many, as undifferentiated and where the injection left them for the whole time, and the native cells
consume as on the first day. Leak and anoikis thin the donors within days, and dead cells stop to consume, so the dose is a cautious one; a
product that grows beyond its retained number is not covered. The cells of a concentrate that are no stem cells count for nothing here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.cells import CellState, Product, demand_weights
from pulposus.cells._arrays import as_field
from pulposus.cells._death import acid_death, glucose_death
from pulposus.disc import Disc, central_column
from pulposus.errors import InvalidInput, SolverFailed
from pulposus.nutrition import SolverOptions, acidity, solve
from pulposus.nutrition._newton import CONVERGED, STATUS_TEXT
from pulposus.nutrition._problem import GLUCOSE, LACTATE
from pulposus.parameters import ParameterSet, load_parameters
from pulposus.therapy._host import Host, axial_host, spatial_host
from pulposus.therapy._placement import place, place_on_axis
from pulposus.therapy._protocol import Protocol
from pulposus.therapy._resolve import resolve_treatment

Level = Literal["slab", "disc"]
Limit = Literal["glucose", "native cells", "injection", "disc"]

_OPTIONS = SolverOptions(tolerance=1e-10)
# The dose is found to this share of itself.
_ACCURACY = 1e-6
_MOST_SOLVES = 60


class Thresholds(NamedTuple):
    """When a dose is too large.

    Attributes:
        glucose: Glucose that a nucleus should hold [mM].
        share: Share of the nucleus that may hold less.
        survival: Native survival that is asked for, against the sham.
        time: When it is counted [day].
    """

    glucose: Float[Array, ""]
    share: Float[Array, ""]
    survival: Float[Array, ""]
    time: Float[Array, ""]

    @classmethod
    def from_parameters(cls, parameters: ParameterSet) -> Thresholds:
        """Read the constants."""
        names = ("starvation_glucose", "starvation_volume_fraction", "native_survival", "native_survival_time")
        return cls(*(as_field(parameters.value(f"cells.safety.{name}")) for name in names))


class Burden(NamedTuple):
    """What a dose does to a disc.

    Attributes:
        low_glucose_share: Share of the nucleus below the glucose threshold.
        native_survival: Native cells of the nucleus alive at day 28 over those of the sham.
    """

    low_glucose_share: float
    native_survival: float


@dataclass(frozen=True)
class SafeDose:
    """The largest dose of a product that a disc can feed.

    Attributes:
        cells: Cells in the syringe [million]; 0 where the disc starves without any.
        retained: Living cells that stay of them [million].
        retained_density: The same over the volume of the nucleus [10^6/mL].
        limited_by: glucose or native cells: the criterion that the dose meets; injection: no dose that can be injected starves the disc;
            disc: the disc starves without cells.
        at_limit: What this dose does to the disc.
        given: Cells that the protocol gives [million].
        at_given: What they do.
        solves: Nutrition problems that were solved.
        level: slab or disc.
    """

    cells: float
    retained: float
    retained_density: float
    limited_by: Limit
    at_limit: Burden
    given: float
    at_given: Burden
    solves: int
    level: Level


def largest_safe_dose(
    disc: Disc, protocol: Protocol, parameters: ParameterSet | None = None, *, level: Level = "slab"
) -> SafeDose:
    """The largest dose of a protocol's product that a disc can feed, injected in the protocol's volume and way.

    Args:
        disc: The disc, not a batch.
        protocol: The protocol; it gives cells.
        parameters: Model constants; those that ship with the program where left out.
        level: slab: the axis of the nucleus, where the bolus is a layer across the whole nucleus; disc: 3D, where it is a ball, so that
            the dose comes out smaller.

    Raises:
        InvalidInput: The protocol gives no living cells, or the disc cannot take it.
        SolverFailed: The nutrition could not be solved.
    """
    constants = load_parameters() if parameters is None else parameters
    treatment = resolve_treatment(protocol, disc, constants)
    if treatment.retained_cells == 0.0:
        raise InvalidInput(
            "a largest dose needs cells",
            where=f"protocol {protocol.name}, field dose.cells",
            allowed="a protocol that gives living cells",
            remedy='set "dose.cells", for example 10e6 cell',
        )
    if level == "disc":
        host, donors = spatial_host(disc, constants), place(treatment, disc).free
    else:
        host = axial_host(disc, constants)
        donors = place_on_axis(treatment, central_column(disc), np.asarray(host.volume[0])).free
    thresholds = Thresholds.from_parameters(constants)
    solver = _Solver(host, treatment.product, jnp.asarray(donors), thresholds, disc.description.name)
    living = treatment.retained_cells + treatment.retained_other_cells
    densest = constants.value("cells.injection.largest_density") * treatment.filled_volume / living
    multiple, limit = _largest_multiple(solver, densest)
    retained = multiple * treatment.retained_cells
    return SafeDose(
        cells=multiple * protocol.dose.cells,
        retained=retained,
        retained_density=retained / (1e-3 * float(jnp.sum(host.nucleus))),
        limited_by=limit,
        at_limit=solver.burden(multiple),
        given=protocol.dose.cells,
        at_given=solver.burden(1.0),
        solves=solver.solves,
        level=level,
    )


class _Response(NamedTuple):
    """Answer of a disc to a number of donor cells."""

    low_glucose: Float[Array, ""]
    low_glucose_share: Float[Array, ""]
    survival: Float[Array, ""]
    status: Float[Array, ""]


class _Solver:
    """Solves for multiples of a dose; keeps what was solved."""

    def __init__(
        self, host: Host, product: Product, donors: Float[Array, "columns levels"], thresholds: Thresholds, name: str
    ) -> None:
        self._host, self._product, self._donors = host, product, donors
        self._thresholds, self._name = thresholds, name
        self._solved: dict[float, _Response] = {}
        self._sham = float(self._response(0.0).survival)

    @property
    def solves(self) -> int:
        """Nutrition problems solved so far."""
        return len(self._solved)

    def burden(self, multiple: float) -> Burden:
        """What a multiple of the dose does."""
        response = self._response(multiple)
        return Burden(float(response.low_glucose_share), float(response.survival) / self._sham)

    def margins(self, multiple: float) -> tuple[float, float]:
        """How far glucose and native survival are above their thresholds, relative to them."""
        response = self._response(multiple)
        survival = float(response.survival) / self._sham
        limits = self._thresholds
        return float(response.low_glucose / limits.glucose) - 1.0, survival / float(limits.survival) - 1.0

    def _response(self, multiple: float) -> _Response:
        if multiple not in self._solved:
            response = _respond(self._host, self._product, multiple * self._donors, self._thresholds)
            if int(response.status) != CONVERGED:
                raise SolverFailed(
                    f"nutrition of {self._name} with {multiple:.4g} times the dose: {STATUS_TEXT[int(response.status)]}",
                    where="largest_safe_dose",
                    remedy="use a finer mesh (numerics.resolution)",
                )
            self._solved[multiple] = response
        return self._solved[multiple]


def _largest_multiple(solver: _Solver, densest: float) -> tuple[float, Limit]:
    """The multiple of the dose at which the first margin vanishes, and what limits it."""

    def margin(multiple: float) -> float:
        return min(solver.margins(multiple))

    if margin(0.0) <= 0.0:
        return 0.0, "disc"
    if margin(densest) >= 0.0:
        return densest, "injection"
    multiple = _falling_root(margin, densest)
    glucose, survival = solver.margins(multiple)
    return multiple, "glucose" if glucose <= survival else "native cells"


def _falling_root(function: Callable[[float], float], high: float) -> float:
    """Root between 0 and `high` of a function that falls from above to below zero."""
    from scipy.optimize import brentq

    # Roots far below the densest bolus are found to the same share of themselves.
    tiny = 1e-3 * _ACCURACY * high
    return cast(float, brentq(function, 0.0, high, xtol=tiny, rtol=np.float64(_ACCURACY), maxiter=_MOST_SOLVES))


@eqx.filter_jit
def _respond(host: Host, product: Product, donors: Float[Array, "columns levels"], limits: Thresholds) -> _Response:
    """Steady solutes with the donors in place, and what they do to the native cells."""
    cells = CellState.without_donor(host.native, jnp.zeros_like(host.native)).with_injected(donors)
    oxygen, glucose_use = demand_weights(cells, product, 1.0, host.native_rate_factor, 1.0)
    demand = host.volume[None] * jnp.stack([host.oxygen_water * oxygen, glucose_use, glucose_use])
    solution = solve(host.problem.with_demand(demand), options=_OPTIONS)
    glucose = solution.solutes[GLUCOSE]
    acid = acid_death(acidity(host.problem.kinetics, solution.solutes[LACTATE]), host.laws.acid)
    death = glucose_death(glucose, host.laws.glucose) + acid
    native = host.native * host.nucleus
    return _Response(
        low_glucose=lower_quantile(glucose, host.nucleus_layers, limits.share),
        low_glucose_share=share_below(glucose, host.nucleus_layers, limits.glucose),
        survival=jnp.sum(native * jnp.exp(-limits.time * death)) / jnp.sum(native),
        status=solution.status,
    )


def share_below(
    values: Float[Array, "columns levels"], layers: Float[Array, "columns layers"], threshold: Float[Array, ""]
) -> Float[Array, ""]:
    """Share of a volume in which a nodal field is below a threshold; the field is linear across every layer.

    Args:
        values: The field.
        layers: Volume of every layer of every column; 0 outside the region.
        threshold: The threshold.
    """
    lower = jnp.minimum(values[:, :-1], values[:, 1:])
    rise = jnp.abs(values[:, 1:] - values[:, :-1])
    flat = rise == 0.0
    inside = jnp.clip((threshold - lower) / jnp.where(flat, 1.0, rise), 0.0, 1.0)
    below = jnp.where(flat, (lower < threshold).astype(jnp.float64), inside)
    return jnp.sum(layers * below) / jnp.sum(layers)


def lower_quantile(
    values: Float[Array, "columns levels"], layers: Float[Array, "columns layers"], share: Float[Array, ""]
) -> Float[Array, ""]:
    """The value that a share of the volume stays below; bisection to rounding."""

    def halve(_: int, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = 0.5 * (low + high)
        too_low = share_below(values, layers, middle) < share
        return jnp.where(too_low, middle, low), jnp.where(too_low, high, middle)

    low, high = jax.lax.fori_loop(0, 60, halve, (jnp.min(values), jnp.max(values)))
    return 0.5 * (low + high)
