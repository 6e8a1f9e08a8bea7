"""Oxygen, glucose and lactate in the disc: metabolism, supply and the coupled solve."""

from pulposus._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "FieldSummary": "._summary",
        "Kinetics": "._kinetics",
        "NodeVolumes": "._assembly",
        "NutritionSummary": "._summary",
        "Population": "._steady",
        "SteadyState": "._steady",
        "backward_euler": "._steady",
        "slab_capacity": "._capacity",
        "kinetics_of": "._assembly",
        "native_demand": "._assembly",
        "nutrition_problem": "._assembly",
        "population_demand": "._steady",
        "solve_nutrition": "._steady",
        "solve_nutrition_batch": "._steady",
        "storage": "._steady",
        "summarise": "._summary",
        "tissue_volumes": "._assembly",
        "acidity": "._kinetics",
        "glucose_limitation": "._kinetics",
        "lactate_production": "._kinetics",
        "measured_nodes": "._summary",
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
