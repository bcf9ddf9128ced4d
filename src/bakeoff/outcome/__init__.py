"""The summary at the end of a bake-off: results, failures with reasons, and what to do next."""
