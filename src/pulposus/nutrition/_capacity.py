r"""How many cells an endplate can feed: the capacity of a slab (transport 5).

A nucleus of half height :math:`H` lies under a cartilage endplate of thickness :math:`t` that is fed from bone; the mid-plane is a plane
of symmetry. The capacity is the density :math:`\rho` of nucleus cells at which the glucose of the mid-plane is at the threshold of cell
death,

.. math:: G(H + t; \rho) = G_t .

:math:`\rho H^2` is nearly constant, so small discs tolerate any dose and human ones do not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.disc import effective_diffusivity
from pulposus.disc._disc import PORE_MODELS, SOLUTES, PoreModel
from pulposus.errors import InvalidInput, SolverFailed
from pulposus.mesh import slab_stencil, slab_topology, slab_volumes
from pulposus.nutrition._kinetics import Kinetics, metabolic_rates
from pulposus.nutrition._newton import CONVERGED, STATUS_TEXT, Solution, SolverOptions, solve
from pulposus.nutrition._problem import GLUCOSE, NutritionProblem

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

# Layers of the endplate and of the half nucleus: their squares give an error of the glucose below 1e-5 of its drop.
_ENDPLATE_LAYERS, _NUCLEUS_LAYERS = 24, 120
_ENDPLATE, _NUCLEUS = 0, 1
_TISSUE_OF_LAYER = np.repeat([_ENDPLATE, _NUCLEUS], [_ENDPLATE_LAYERS, _NUCLEUS_LAYERS])
_OPTIONS = SolverOptions(tolerance=1e-11)
_RELATIVE_ACCURACY = 1e-8


class _HalfSlab(NamedTuple):
    """Half of a slab, endplate first.

    Attributes:
        heights: Nodes, from the bony face to the mid-plane [mm].
        endplate_density: Cells of the endplate [10^6/mL].
        oxygen_factor: Factor on the oxygen sink of both tissues.
        diffusivity: Of every solute in both tissues [mm2/day].
        blood: Oxygen [kPa], lactate and glucose [mM] at the bony face.
        kinetics: Constants of metabolism.
    """

    heights: Float[Array, "nodes"]
    endplate_density: Float[Array, ""]
    oxygen_factor: Float[Array, "2"]
    diffusivity: Float[Array, "3 2"]
    blood: Float[Array, "3"]
    kinetics: Kinetics


def slab_capacity(
    half_height: float,
    endplate_thickness: float,
    parameters: ParameterSet | None = None,
    *,
    preset: PoreModel = "upf2025",
    glucose: float | None = None,
    glucose_limiter: float = 0.0,
) -> float:
    """Density of nucleus cells [10^6/mL] that leaves the mid-plane of a healthy, endplate-fed slab just enough glucose.

    Args:
        half_height: Half height of the nucleus [mm].
        endplate_thickness: Thickness of the cartilage endplate [mm].
        parameters: Constants; the shipped ones if None. Tissues are those of grade I.
        preset: Where the water fraction stands.
        glucose: What has to be left at the mid-plane [mM]; the threshold of native cell death if None.
        glucose_limiter: Half constant of the glucose limiter [mM]; 0, as in transport 5, takes cells to use glucose at any level.

    Returns:
        The capacity; 0 where the cells of the endplate alone use too much.

    Raises:
        InvalidInput: A length is not above zero, or the blood has no more glucose than is asked to be left.
        SolverFailed: The solver did not converge.
    """
    if parameters is None:
        from pulposus.parameters import load_parameters

        parameters = load_parameters()
    left = parameters.value("cells.native.glucose_threshold") if glucose is None else glucose
    slab = _half_slab(half_height, endplate_thickness, parameters, preset, glucose_limiter)
    offered = float(slab.blood[GLUCOSE])
    if not 0.0 < left < offered:
        raise InvalidInput(
            f"{left:g} mM of glucose cannot be left", where="glucose", allowed=f"above 0, below {offered:g} mM"
        )

    def excess(density: float) -> float:
        solution = _solve(slab, jnp.asarray(density, dtype=jnp.float64))
        if int(solution.status) != CONVERGED:
            raise SolverFailed(
                f"slab with {density:.4g} million cells per mL: {STATUS_TEXT[int(solution.status)]}",
                where="slab_capacity",
                remedy="use lengths of a disc, a few millimetres",
            )
        return float(solution.solutes[GLUCOSE, 0, -1]) - left

    return _positive_root(excess, _scale(slab, half_height))


def _half_slab(
    half_height: float, endplate_thickness: float, parameters: ParameterSet, preset: PoreModel, glucose_limiter: float
) -> _HalfSlab:
    for name, length in (("half_height", half_height), ("endplate_thickness", endplate_thickness)):
        if not length > 0.0:
            raise InvalidInput(f"a length of {length:g} mm", where=name, allowed="above 0 mm")
    outer = np.linspace(0.0, endplate_thickness, _ENDPLATE_LAYERS + 1)
    inner = endplate_thickness + np.linspace(0.0, half_height, _NUCLEUS_LAYERS + 1)
    water = jnp.asarray(
        [parameters.value(f"grades.transport_water_fraction.{name}.I") for name in ("endplate", "nucleus")]
    )
    free, blood, hindrance = (
        jnp.asarray([parameters.value(f"nutrition.{table}.{solute}") for solute in SOLUTES])
        for table in ("diffusivity_water", "boundary.endplate", "hindrance")
    )
    oxygen, _, diffusion = PORE_MODELS[preset]
    kinetics = Kinetics.from_parameters(parameters)
    return _HalfSlab(
        heights=jnp.asarray(np.concatenate([outer, inner[1:]])),
        endplate_density=jnp.asarray(parameters.value("grades.cell_density.endplate.I")),
        oxygen_factor=water**oxygen,
        diffusivity=effective_diffusivity(free, water, jnp.stack([hindrance, hindrance], axis=1), diffusion),
        blood=blood,
        kinetics=eqx.tree_at(lambda values: values.glucose_limiter, kinetics, jnp.asarray(float(glucose_limiter))),
    )


@eqx.filter_jit
def _solve(slab: _HalfSlab, nucleus_density: Float[Array, ""]) -> Solution:
    """Steady solutes of the slab."""
    density = jnp.stack([slab.endplate_density, nucleus_density])
    volumes = jnp.stack(
        [slab_volumes(slab.heights, 1.0, np.equal(_TISSUE_OF_LAYER, code)) for code in (_ENDPLATE, _NUCLEUS)]
    )
    others = jnp.einsum("t,tcz->cz", density, volumes)
    oxygen = jnp.einsum("t,tcz->cz", density * slab.oxygen_factor, volumes)
    start = jnp.broadcast_to(slab.blood[:, None, None], (3, *others.shape))
    problem = NutritionProblem(
        mesh=slab_topology(0, len(_TISSUE_OF_LAYER)),
        stencil=slab_stencil(slab.heights, 1.0, slab.diffusivity[:, _TISSUE_OF_LAYER]),
        free=jnp.ones(others.shape).at[0, 0].set(0.0),
        start=start,
        exchange=jnp.zeros_like(start),
        load=jnp.zeros_like(start),
        demand=jnp.stack([oxygen, others, others]),
        kinetics=slab.kinetics,
    )
    return solve(problem, options=_OPTIONS)


def _scale(slab: _HalfSlab, half_height: float) -> float:
    """Density that would use up the glucose of a bare nucleus at the rate of well-fed cells: G = r rho H^2 / 2D."""
    rate = -float(metabolic_rates(slab.kinetics, slab.blood)[GLUCOSE])
    return 2.0 * float(slab.diffusivity[GLUCOSE, _NUCLEUS]) * float(slab.blood[GLUCOSE]) / (rate * half_height**2)


def _positive_root(function: Callable[[float], float], scale: float) -> float:
    """Root of a falling function above zero by the Illinois variant of false position; 0 where it is not positive at zero."""
    low, above = 0.0, function(0.0)
    if above <= 0.0:
        return 0.0
    high, below = scale, function(scale)
    while below > 0.0:
        low, above, high = high, below, 2.0 * high
        below = function(high)
    while high - low > _RELATIVE_ACCURACY * high:
        middle = (low * below - high * above) / (below - above)
        value = function(middle)
        if value == 0.0:
            return middle
        if value > 0.0:
            low, above, below = middle, value, 0.5 * below
        else:
            high, below, above = middle, value, 0.5 * above
    return high
