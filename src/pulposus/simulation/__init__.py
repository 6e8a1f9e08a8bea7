"""One disc through time: nutrients, cells and their motion, coupled; in 3D, on an axial slab, or well mixed."""

from pulposus._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "CellTotals": "._ledger",
        "DiscModel": "._model",
        "Ledger": "._ledger",
        "SimulationState": "._state",
        "StepControl": "._step",
        "Trajectory": "._trajectory",
        "advance_adaptively": "._step",
        "advance_by_steps": "._step",
        "axial_model": "._model",
        "coupled_step": "._step",
        "disc_of": "._choices",
        "level_of": "._choices",
        "migrate": "._motility",
        "run_ensemble": "._ensemble",
        "Progress": "._simulate",
        "SimulationResult": "._simulate",
        "simulate": "._simulate",
        "stored_times": "._simulate",
        "spatial_model": "._model",
        "start_state": "._state",
        "well_mixed_model": "._model",
    },
)
