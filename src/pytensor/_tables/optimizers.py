"""The table of optimizers: one row per rule by which a gradient changes a weight.

The build makes of each row the C loop of its update for every floating-point dtype and instruction
set (tools/generate.py, src/kernels/networks/update_loop.h). The same loop runs in a pass of its own
and on the tiles of a dense layer's gradient while they are in the L1 cache. An optimizer with
options that change the formula (src/pytensor/optimizers.py) has a row for each; weight decay,
clipping and scaling are the same for all rules, and are applied before them (nn.c).

This module imports nothing but the standard library: it runs before anything is built.

Columns
    name     of the rule
    state    the names of the tensors kept for each weight, in the order of initial_state
    numbers  what the statements need besides: a name and its value in a step, a Python expression
             in t (the step, from 1), rate (the learning rate), self (the optimizer) and sqrt. It is
             computed in double precision, then rounded to the dtype
    c        the update of one element: assignments in w, dw (the gradient), the state, the numbers
             and names that earlier assignments made. F(name) is the function of that name for the
             dtype. Each operation rounds: nothing is contracted. They are Python as well, and the
             tests compare the loops with that
    rests    True if an element whose gradient is 0 does not change, whatever its state
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """One rule. See the module's docstring for the columns."""

    name: str
    state: tuple[str, ...]
    numbers: dict[str, str]
    c: tuple[str, ...]
    rests: bool = False


RULES: dict[str, Rule] = {}


def rule(name, state, numbers, *c, rests=False):
    """Add a rule; state in words, numbers as in the column."""
    RULES[name] = Rule(name, tuple(state.split()), numbers, c, rests)


# fmt: off

RATE = {"rate": "rate"}
EPSILON = {"epsilon": "self.epsilon"}

rule("sgd", "", RATE, "w -= rate * dw", rests=True)

MOMENTUM = {"momentum": "self.momentum"}
rule("momentum", "velocity", RATE | MOMENTUM,
     "velocity = momentum * velocity - rate * dw",
     "w += velocity")
rule("nesterov", "velocity", RATE | MOMENTUM,
     "step = rate * dw",
     "velocity = momentum * velocity - step",
     "w += momentum * velocity - step")

# The state's order, the mean last, is that of files written before.
RHO = {"rho": "self.rho", "rest": "1 - self.rho"}
SQUARES = "mean_square = rho * mean_square + rest * (dw * dw)"
MEAN = "mean = rho * mean + rest * dw"
STEP = "step = rate * dw / F(sqrt)(mean_square + epsilon)"
CENTERED_STEP = "step = rate * dw / F(sqrt)(mean_square - mean * mean + epsilon)"
VELOCITY = "velocity = momentum * velocity + step"
rule("rmsprop", "mean_square", RATE | RHO | EPSILON, SQUARES, STEP, "w -= step")
rule("rmsprop_momentum", "mean_square velocity", RATE | RHO | EPSILON | MOMENTUM,
     SQUARES, STEP, VELOCITY, "w -= velocity")
rule("rmsprop_centered", "mean_square mean", RATE | RHO | EPSILON,
     SQUARES, MEAN, CENTERED_STEP, "w -= step")
rule("rmsprop_centered_momentum", "mean_square velocity mean", RATE | RHO | EPSILON | MOMENTUM,
     SQUARES, MEAN, CENTERED_STEP, VELOCITY, "w -= velocity")

rule("adagrad", "sum_of_squares", RATE | EPSILON,
     "sum_of_squares += dw * dw",
     "w -= rate * dw / F(sqrt)(sum_of_squares + epsilon)")

rule("adadelta", "mean_square mean_square_step", RATE | RHO | EPSILON,
     SQUARES,
     "step = -F(sqrt)(mean_square_step + epsilon) * dw / F(sqrt)(mean_square + epsilon)",
     "mean_square_step = rho * mean_square_step + rest * (step * step)",
     "w += rate * step")

# Adam's rate is corrected for the start of both means at 0.
ADAM = {"rate": "rate * sqrt(1 - power(self.beta_2, t)) / (1 - power(self.beta_1, t))",
        "rest_1": "1 - self.beta_1", "rest_2": "1 - self.beta_2", **EPSILON}
FIRST = "mean += (dw - mean) * rest_1"
SECOND = "variance += (dw * dw - variance) * rest_2"
rule("adam", "mean variance", ADAM, FIRST, SECOND,
     "w -= rate * mean / (F(sqrt)(variance) + epsilon)")
rule("amsgrad", "mean variance largest", ADAM, FIRST, SECOND,
     "largest = F(maximum)(largest, variance)",
     "w -= rate * mean / (F(sqrt)(largest) + epsilon)")
rule("adamax", "mean largest",
     {"rate": "rate / (1 - power(self.beta_1, t))", "rest_1": "1 - self.beta_1",
      "beta_2": "self.beta_2", **EPSILON},
     FIRST,
     "largest = F(maximum)(beta_2 * largest, F(fabs)(dw))",
     "w -= rate * mean / (largest + epsilon)")
rule("nadam", "mean variance",
     {"of_mean": "rate * self._u(t + 1) / (1 - self._product_until(t) * self._u(t + 1))",
      "of_dw": "rate * (1 - self._u(t)) / (1 - self._product_until(t))",
      "correction": "1 / (1 - power(self.beta_2, t))",
      "rest_1": "1 - self.beta_1", "rest_2": "1 - self.beta_2", **EPSILON},
     FIRST, SECOND,
     "w -= (of_mean * mean + of_dw * dw) / (F(sqrt)(variance * correction) + epsilon)")

rule("lion", "mean",
     {**RATE, "beta_1": "self.beta_1", "rest_1": "1 - self.beta_1",
      "beta_2": "self.beta_2", "rest_2": "1 - self.beta_2"},
     "w -= rate * F(sign)(mean * beta_1 + dw * rest_1)",
     "mean = mean * beta_2 + dw * rest_2")

# fmt: on

MAX_STATES = max(len(row.state) for row in RULES.values())
MAX_NUMBERS = max(len(row.numbers) for row in RULES.values())
