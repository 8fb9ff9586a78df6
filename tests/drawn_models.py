"""Random models of pharmacology: chains, feedback loops, Hill terms, saturable elimination.

Knows how to write model files; knows nothing of solvers.
"""

import numpy as np

HEAD = """title = "Drawn model {seed}"
outputs = ["effect"]

[dose]
depot = {{ unit = "mg" }}
central = {{ unit = "mg" }}

[parameters]
{parameters}

[equations]
drawn = '''
{equations}
'''
"""


class Draw:
    """One random model: its parameters and equations grow line by line."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.seed, self.parameters, self.equations = seed, [], []

    def number(self, low, high, unit):
        """Name of a new parameter, log-uniform between two values, with 20 % CV."""
        name = f"p{len(self.parameters)}"
        value = float(np.exp(self.random.uniform(np.log(low), np.log(high))))
        self.parameters.append(
            f'{name} = {{ value = {value:.6g}, unit = "{unit}", iiv = {{ cv = 0.2 }}, '
            f'label = "drawn", source = "drawn", evidence = "assumed" }}'
        )
        return name

    def rate(self, low=0.01, high=2.0):
        return self.number(low, high, "1/h")

    def state(self, name, rate, unit, start=None):
        if start is not None:
            self.equations.append(f"{name}(0) = {start} : {unit}")
        self.equations.append(f"d/dt({name}) = {rate} : {unit}")

    def kinetics(self):
        """Depot, transit states, one to three compartments, linear or saturable elimination."""
        absorption = self.rate(0.3, 3.0)
        self.state("depot", f"-{absorption}*depot", "mg")
        inflow = f"{absorption}*depot"
        for k in range(self.random.integers(0, 3)):
            transit = self.rate(0.5, 4.0)
            self.state(f"transit{k}", f"{inflow} - {transit}*transit{k}", "mg")
            inflow = f"{transit}*transit{k}"
        if self.random.random() < 0.4:
            capacity = self.number(3.0, 10.0, "mg/h")
            loss = f"{capacity}*central/({self.number(2.0, 30.0, 'mg')} + central)"
        else:
            loss = f"{self.rate(0.05, 1.0)}*central"
        exchange = ""
        for k in range(self.random.integers(0, 3)):
            out, back = self.rate(0.02, 1.0), self.rate(0.02, 1.0)
            exchange += f" - {out}*central + {back}*tissue{k}"
            self.state(f"tissue{k}", f"{out}*central - {back}*tissue{k}", "mg")
        self.state("central", f"{inflow} - {loss}{exchange}", "mg")

    def hill(self, source, unit):
        """Text between 0 and 1 that rises with a source."""
        half, steep = self.number(0.3, 5.0, unit), self.number(0.7, 3.0, "1")
        if self.random.random() < 0.5:
            return f"{source}/({half} + {source})"
        ratio = f"({source}/{half})**{steep}"
        return f"{ratio}/(1 + {ratio})"

    def dynamics(self):
        """What follows the drug: chains, responses with moving losses, loops of two or three."""
        drive = self.hill("central", "mg")
        for k in range(self.random.integers(1, 4)):
            kind, fast = self.random.integers(0, 4), self.rate(0.005, 0.5)
            name = f"x{k}"
            if kind == 0:
                self.state(name, f"{fast}*({drive} - {name})", "1")
            elif kind == 1:
                self.state(name, f"{fast}*(1 - (1 + 3*({drive}))*{name})", "1", "1")
            elif kind == 2:
                other = self.rate(0.01, 0.3)
                gain = f"(1 - 0.6*({drive}))"
                self.state(name, f"{fast}*({gain}*(0.6 + 0.4*z{k}) - {name})", "1", "1")
                self.state(f"z{k}", f"{other}*({name}**1.5 - z{k})", "1", "1")
            else:
                self.state(name, f"{fast}*(1/(0.2 + z{k}) - {name}*(1 + {drive}))", "1", "1")
                self.state(f"z{k}", f"{self.rate(0.01, 0.3)}*({name} - z{k})", "1", "1")
            drive = self.hill(name, "1") if self.random.random() < 0.7 else f"0.5*{name}"
        self.state("effect", f"{self.rate(0.01, 0.3)}*(1 + 2*({drive}) - effect)", "1", "1")

    def text(self):
        self.kinetics()
        self.dynamics()
        return HEAD.format(
            seed=self.seed,
            parameters="\n".join(self.parameters),
            equations="\n".join(self.equations),
        )


def drawn_model(seed):
    """Text of the random model of a seed."""
    return Draw(seed).text()
