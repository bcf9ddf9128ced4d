"""The end of a bake-off in words: what came out, what failed and why, and what to do next."""
