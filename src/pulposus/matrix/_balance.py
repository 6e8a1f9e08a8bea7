r"""Balance a disc to its natural course (cells_matrix 3).

One factor on the synthesis of glycosaminoglycan makes the mean of the nucleus change at the chosen rate at the start,

.. math:: f = \frac{r\, \langle A + A_f \rangle + \langle \mathrm{loss} \rangle}{\langle \mathrm{synthesis} \rangle_{f = 1}}, \qquad
    \left.\frac{d \langle A + A_f \rangle}{dt}\right|_{t_0} = r\, \langle A + A_f \rangle .

The course after the start is free: it follows the cells, the signals, and the exchange of the two pools. That exchange matters. Both pools
rest at the share kAf / (kA + kAf) = 0.45 of aggrecan, and the grade table starts from 0.60 in grade I and 0.20 in grade V; so a disc of
grade I that is balanced to no change loses 3 % in five years, and one of grade IV gains 1 % although it is balanced to a loss. With
`keep_split`, a second factor on the cleavage makes both pools change at the chosen rate,

.. math:: f_c \langle \mathrm{cleavage} \rangle_{f_c = 1} = \langle \mathrm{departure} \rangle + r\, \langle A_f \rangle ,

which leaves no such transient; it reads the split of a grade as the work of its enzymes.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike

from pulposus.cells import CellState, Environment
from pulposus.cells._arrays import Scalar, as_field
from pulposus.matrix._load import Load
from pulposus.matrix._matrix_parameters import MatrixParameters
from pulposus.matrix._matrix_state import MatrixState
from pulposus.matrix._pools import matrix_rates
from pulposus.matrix._setting import MatrixSetting
from pulposus.matrix._signal_state import SignalState


def balance_synthesis(
    setting: MatrixSetting,
    state: MatrixState,
    cells: CellState,
    environment: Environment,
    signals: SignalState,
    load: Load,
    parameters: MatrixParameters,
    change: ArrayLike,
    *,
    keep_split: bool = False,
) -> MatrixSetting:
    """The disc with the synthesis that its natural course asks for.

    Args:
        setting: The disc; its factors are replaced.
        state, cells, environment, signals, load: At the start, once cells and nutrients are in balance.
        parameters: Constants of the laws.
        change: Relative change of the nucleus' mean glycosaminoglycan [1/day], not positive as a rule. A fall faster than the loss itself
            cannot be had: the factor is then 0. A nucleus without synthesis keeps the factor 1.
        keep_split: Whether both pools change at this rate, by a second factor on the cleavage of aggrecan.
    """
    rate, one = as_field(change), as_field(1.0)
    plain = eqx.tree_at(lambda disc: (disc.synthesis_factor, disc.cleavage_factor), setting, (one, one))
    if keep_split:
        rates = matrix_rates(state.fissure, cells, environment, signals, load, plain, parameters)
        gone = plain.nucleus_mean(rates.departure * state.fragments)
        cleaved = plain.nucleus_mean(rates.cleavage * state.aggrecan)
        cleavage = _ratio(gone + rate * plain.nucleus_mean(state.fragments), cleaved)
        plain = eqx.tree_at(lambda disc: disc.cleavage_factor, plain, cleavage)
    made, lost = nucleus_turnover(plain, state, cells, environment, signals, load, parameters)
    wanted = rate * plain.nucleus_mean(state.glycosaminoglycan) + lost
    return eqx.tree_at(lambda disc: disc.synthesis_factor, plain, _ratio(wanted, made))


def _ratio(wanted: Scalar, present: Scalar) -> Scalar:
    """Factor that makes what is wanted of what is there, not negative; 1 where nothing is there."""
    some = present > 0.0
    return jnp.where(some, jnp.maximum(wanted, 0.0) / jnp.where(some, present, 1.0), 1.0)


def nucleus_turnover(
    setting: MatrixSetting,
    state: MatrixState,
    cells: CellState,
    environment: Environment,
    signals: SignalState,
    load: Load,
    parameters: MatrixParameters,
) -> tuple[Scalar, Scalar]:
    """Mean synthesis and mean loss of glycosaminoglycan in the nucleus now [mg/mL/day]; arguments as in `balance_synthesis`."""
    rates = matrix_rates(state.fissure, cells, environment, signals, load, setting, parameters)
    made = setting.nucleus_mean(rates.native + rates.donor)
    lost = setting.nucleus_mean(rates.washout * state.aggrecan + rates.departure * state.fragments)
    return made, lost
