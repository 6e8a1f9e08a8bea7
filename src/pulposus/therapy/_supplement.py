r"""What is in the syringe besides cells: growth factors and platelets, as numbers (cells_matrix 2.7, 5).

.. math:: G(0) = M\, \frac{1 - f_{bf}}{V_B}, \qquad \dot G = -\frac{\ln 2}{t_G} G

with the injected mass :math:`M` and the volume :math:`V_B` of tissue that the injectate fills. Platelet-rich plasma acts as TGF-beta of its
own half-life, as a pulse of the paracrine factor, and, with leukocytes, as a rise of the cytokine. The plasma of a marrow concentrate gives
the pulse alone.
"""

from __future__ import annotations

import equinox as eqx

from pulposus.parameters import ParameterSet
from pulposus.therapy._dose_section import Dose

# Names of the gains in the parameters, by kind of growth factor.
_GAINS = {"TGF-beta": "tgf_beta", "GDF-5": "gdf_bmp", "GDF-6": "gdf_bmp", "BMP-7": "gdf_bmp"}


class Supplement(eqx.Module):
    """Signals that a treatment brings with it, in the filled tissue right after each injection.

    Attributes:
        growth_factor: Concentration in the filled tissue [ng/mL].
        growth_factor_mass: Mass that stays in the disc [ng]; where a mesh spreads the injectate, mass over volume is the concentration.
        growth_factor_half_life: Half-life in the tissue [day].
        growth_factor_gain: Gain on synthesis at saturation.
        drives_differentiation: 1 where the growth factor is TGF-beta, which also drives differentiation, else 0.
        paracrine: Level of the paracrine pulse; 1 is that of 10^6 attached stem cells per mL.
        paracrine_duration: Length of the pulse [day].
        cytokine: Rise of the cytokine.
    """

    growth_factor: float = 0.0
    growth_factor_mass: float = 0.0
    growth_factor_half_life: float = 1.0
    growth_factor_gain: float = 0.0
    drives_differentiation: float = 0.0
    paracrine: float = 0.0
    paracrine_duration: float = 0.0
    cytokine: float = 0.0


def supplement_of(dose: Dose, retained_share: float, filled_volume: float, constants: ParameterSet) -> Supplement:
    """Signals of a dose.

    Args:
        dose: The dose.
        retained_share: Share of the injectate that stays, 0 to 1.
        filled_volume: Tissue that it fills [mL]; 0 where nothing is filled.
        constants: Model constants.
    """
    value = constants.value
    plasma, kind = dose.platelet_rich_plasma, dose.growth_factor_kind
    platelets = plasma is not None or dose.product == "concentrate"
    if filled_volume == 0.0 or not (kind or platelets):
        return Supplement()
    mass = injected_mass(dose, constants) * retained_share
    rich = plasma is not None and plasma.leukocytes == "rich"
    half_life = "platelets.half_life" if plasma is not None else "growth_factor.half_life"
    return Supplement(
        growth_factor=mass / filled_volume,
        growth_factor_mass=mass,
        growth_factor_half_life=value(f"therapy.{half_life}"),
        growth_factor_gain=value(f"matrix.growth_factor_gain.{_GAINS[kind]}") if kind else 0.0,
        drives_differentiation=float(kind == "TGF-beta"),
        paracrine=value("therapy.platelets.paracrine") if platelets else 0.0,
        paracrine_duration=value("therapy.platelets.paracrine_duration") if platelets else 0.0,
        cytokine=value("therapy.platelets.leukocyte_cytokine") if rich else 0.0,
    )


def injected_mass(dose: Dose, constants: ParameterSet) -> float:
    """Growth factor in the syringe [ng]."""
    if dose.growth_factor is not None:
        return dose.growth_factor.amount
    if dose.platelet_rich_plasma is None:
        return 0.0
    stated = dose.platelet_rich_plasma.growth_factor
    concentration = constants.value("therapy.platelets.growth_factor") if stated is None else stated
    return concentration * dose.volume
