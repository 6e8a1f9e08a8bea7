"""An in-silico laboratory for cell therapy of the degenerated intervertebral disc.

`import pulposus as pp` gives the whole public API; nothing heavy is imported before a name is used.
"""

from pulposus._lazy import attach

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "CheckFailed": ".errors",
        "Disc": ".disc",
        "InvalidDocument": ".errors",
        "InvalidInput": ".errors",
        "MissingPart": ".errors",
        "Parameter": ".parameters",
        "ParameterSet": ".parameters",
        "PartialFailure": ".errors",
        "Protocol": ".therapy",
        "PulposusError": ".errors",
        "SolverFailed": ".errors",
        "Trajectory": ".simulation",
        "list_discs": ".disc",
        "list_protocols": ".therapy",
        "load_disc": ".disc",
        "load_parameters": ".parameters",
        "load_protocol": ".therapy",
        "parse_quantity": ".units",
        "run_ensemble": ".simulation",
        "simulate": ".simulation",
        "solve_nutrition": ".nutrition",
    },
)
