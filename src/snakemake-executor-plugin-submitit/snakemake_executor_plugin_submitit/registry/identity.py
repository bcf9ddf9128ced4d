"""What a job is known by, whoever looks for it: the files that it makes."""

import hashlib
import json
from collections.abc import Iterable


def identity_of_outputs(outputs: Iterable[str]) -> str:
    """A short hash of the outputs as Snakemake names them, in whatever order."""
    text = json.dumps(sorted(outputs), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:20]
