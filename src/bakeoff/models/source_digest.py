"""Which code makes a model what it is: the part of a run's digest that stands for the code.

What counts is what computes: every definition of bakeoff that the model's function reaches by name. That is
layers, initialisation, forward, an objective of its own, what reads pretrained weights into it, and the
constants of all these, those that images are normalised by too.

What does not count: where a definition stands and how it is imported; comments, docstrings, annotations, log
messages, refusals (an `if` that only raises an error of bakeoff) and their words; the marks by which a model
joins the zoo, and the modules that register and check (`source_text.NO_PART`). The defaults of a model's own
options are in the run's digest already, with its options.

A class counts as a whole. What is reached by other means than its name (`getattr`, `registry.build`) is not
seen, so a model calls what it is made of by its name. Nothing here imports torch.
"""

import hashlib
from functools import cache

from bakeoff.models.catalogue import find
from bakeoff.models.source_text import Definition, Place, definition


@cache
def digest(name: str) -> str:
    """SHA-256 of the code of the model `name`, as it is now, in hexadecimal."""
    return _sha256("\n\n".join(sorted(definitions(name).values())))


def definitions(name: str) -> dict[str, str]:
    """What counts, by `module.name`: the code, and below it which text each name in it stands for."""
    entry = find(name)
    start = Place(entry.module, entry.function)
    reached = {start: definition(start, defaults=False)}
    pending = [start]
    while pending:
        for used in reached[pending.pop()].uses.values():
            if isinstance(used, Place) and used not in reached:
                reached[used] = definition(used)
                pending.append(used)
    found = {str(place): _with_uses(one, reached) for place, one in reached.items()}
    # Of a row's arguments, those that a variant cannot set; the others are options.
    row = {key: value for key, value in entry.arguments.items() if key not in entry.options}
    return {**found, f"{entry.module}.{name}": repr(sorted(row.items()))} if row else found


def _with_uses(one: Definition, reached: dict[Place, Definition]) -> str:
    # Names stand for texts and not for places: a definition may move to another module.
    lines = [
        f"# {name}: {_sha256(reached[used].text) if isinstance(used, Place) else used}"
        for name, used in sorted(one.uses.items())
    ]
    return "\n".join([one.text, *lines])


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
