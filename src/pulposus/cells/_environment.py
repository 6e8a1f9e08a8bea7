"""What a cell feels: the local conditions that the other rooms give to the laws of this one (cells_matrix 2.0)."""

from __future__ import annotations

import equinox as eqx

from pulposus.cells._arrays import Field, as_field


class Environment(eqx.Module):
    """Local conditions; every field is a scalar or has the shape of the cell densities.

    Attributes:
        oxygen: Oxygen tension [kPa].
        glucose: Glucose [mM].
        pH: Acidity.
        osmolarity: Osmolarity [mOsm].
        cytokine: Catabolic cytokine; 1 is typical of grade IV.
        paracrine: Trophic factor of donor cells; 1 is that of 10^6 attached cells per mL.
        growth_factor: Exogenous growth factor (TGF-beta or its equal) [ng/mL].
        annulus_opening: Fissure fraction of the annulus through which immune cells come, 0 to 1.
        endplate_opening: Open share of the endplate, 0 to 1.
        load: Daily load index; 1 is normal activity.
    """

    oxygen: Field = eqx.field(converter=as_field)
    glucose: Field = eqx.field(converter=as_field)
    pH: Field = eqx.field(converter=as_field)
    osmolarity: Field = eqx.field(converter=as_field)
    cytokine: Field = eqx.field(converter=as_field, default=0.0)
    paracrine: Field = eqx.field(converter=as_field, default=0.0)
    growth_factor: Field = eqx.field(converter=as_field, default=0.0)
    annulus_opening: Field = eqx.field(converter=as_field, default=0.0)
    endplate_opening: Field = eqx.field(converter=as_field, default=0.0)
    load: Field = eqx.field(converter=as_field, default=1.0)
