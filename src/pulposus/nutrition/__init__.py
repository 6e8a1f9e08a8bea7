"""Oxygen, glucose and lactate in the disc: metabolism, supply and the coupled solve."""

from pulposus._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Kinetics": "._kinetics",
        "acidity": "._kinetics",
        "glucose_limitation": "._kinetics",
        "lactate_production": "._kinetics",
        "metabolic_rates": "._kinetics",
        "oxygen_consumption": "._kinetics",
        "NutritionProblem": "._problem",
        "flux_balance": "._problem",
        "residual": "._problem",
        "Solution": "._newton",
        "SolverOptions": "._newton",
        "solve": "._newton",
    },
)
