"""Files of weights that a variant starts from: what they are, whose names they have, whether they fit."""
