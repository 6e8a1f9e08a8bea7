"""One disc through time: nutrients, cells and their motion, coupled; in 3D, on an axial slab, or well mixed."""

from pulposus._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "ARMS": "._plan",
        "CellTotals": "._ledger",
        "Course": "._course",
        "DiscModel": "._model",
        "Ledger": "._ledger",
        "MatrixLedger": "._ledger",
        "Plan": "._plan",
        "Progress": "._course",
        "RecordingParameters": "._recording",
        "SimulationResult": "._simulate",
        "SimulationState": "._state",
        "StepControl": "._step",
        "Trajectory": "._trajectory",
        "advance_adaptively": "._step",
        "advance_by_steps": "._step",
        "axial_model": "._model",
        "coupled_step": "._step",
        "disc_of": "._choices",
        "follow": "._course",
        "level_of": "._choices",
        "migrate": "._motility",
        "plan_of": "._plan",
        "resolve": "._plan",
        "run_ensemble": "._ensemble",
        "settle": "._simulate",
        "simulate": "._simulate",
        "spatial_model": "._model",
        "start_state": "._state",
        "stored_times": "._course",
        "well_mixed_model": "._model",
    },
)
