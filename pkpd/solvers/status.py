"""What became of a row: a number in compiled code, words for people.

Knows nothing else.
"""

OK, STEP_LIMIT, NOT_FINITE, STEP_TOO_SMALL, UNSTEADY, CANCELLED, STIFF = range(7)
SWITCHING, NO_OUTPUT, BELOW_ZERO, NO_STEADY = range(7, 11)
GOING = -1  # no status yet

STATUS = {
    OK: "finished",
    STEP_LIMIT: "step limit reached",
    NOT_FINITE: "the solution is not finite",
    STEP_TOO_SMALL: "the step size fell to nothing, as when a solution blows up",
    UNSTEADY: "steady state not reached",
    CANCELLED: "cancelled",
    SWITCHING: "comparisons or events in the model follow one another without end",
    NO_OUTPUT: "an output is not a finite number",
    BELOW_ZERO: "an amount would fall below 0",
    NO_STEADY: "no steady state: the states drift from interval to interval",
    STIFF: "the system is stiff; use solver auto or rosenbrock",
}
