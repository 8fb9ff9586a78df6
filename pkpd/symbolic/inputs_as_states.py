"""A model in which some inputs are states, which start at their value and move at given rates.

So an input that an event table interpolates linearly is followed exactly. Knows models; knows no
tables.
"""

import ast
from dataclasses import replace

from pkpd.symbolic import parse
from pkpd.symbolic.model import DoseTarget, State


def used(model, names):
    """Those of the names that an equation uses."""
    texts = [text for s in model.states for text in (s.rate, s.initial)] + [
        a.expression for a in model.assignments
    ]
    texts += [text for e in model.events for text in (e.trigger, *(new for _, new in e.changes))]
    found = set().union(*(parse.names(parse.checked(text)) for text in texts))
    return tuple(n for n in names if n in found)


def varying(model, names):
    """The model with the inputs `names` as states after its own, in that order; no input moves."""
    fresh = {name: _free(model, f"{name}_at_start") for name in names}

    def renamed(inputs):
        return tuple(replace(i, name=fresh.get(i.name, i.name)) for i in inputs)

    class Start(ast.NodeTransformer):
        def visit_Name(self, node):
            return ast.Name(fresh.get(node.id, node.id), node.ctx)

    own = tuple(
        replace(s, initial=ast.unparse(Start().visit(parse.checked(s.initial))))
        for s in model.states
    )
    added = tuple(State(n, model.unit(n), fresh[n], "0", "") for n in names)
    targets = tuple(DoseTarget(n, model.unit(n), 1.0) for n in names)
    return replace(
        model,
        digest=f"{model.digest} varying {' '.join(names)}",
        parameters=renamed(model.parameters),
        covariates=renamed(model.covariates),
        states=own + added,
        doses=model.doses + targets,
    )


def _free(model, name):
    known = {*model.input_names, *model.computed_names}
    while name in known:
        name += "_"
    return name
