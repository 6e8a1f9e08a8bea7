"""Native and donor cell populations of the disc.

They die of starvation, acid and salt, leak, attach, grow, differentiate, are killed by immunity and grow senescent
(cells_matrix 2.1, 2.3, 2.4; rulings 11 to 15). The laws are local: one code serves a well-mixed disc, an axial slab
and the disc in 3D.
"""

from pulposus._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "CARRIERS": "._product",
        "IMMUNITIES": "._product",
        "SOURCES": "._product",
        "Carrier": "._product",
        "CellFlows": "._flows",
        "CellParameters": "._parameters",
        "CellState": "._state",
        "Clocks": "._clocks",
        "Demand": "._product",
        "DonorDeaths": "._flows",
        "Environment": "._environment",
        "Motility": "._parameters",
        "NativeFlows": "._flows",
        "Product": "._product",
        "Rates": "._rates",
        "Switches": "._parameters",
        "WellMixedRun": ".well_mixed",
        "advance": "._integrator",
        "cell_rates": "._rates",
        "demand_weights": "._metabolism",
        "integrate": ".well_mixed",
        "capacity": ".capacity",
        "upf_replica": ".upf_replica",
        "well_mixed": ".well_mixed",
    },
)
