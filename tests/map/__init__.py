"""The map of the code in CONTRIBUTING.md: drawn from the sources, and tested against them.

`python -m tests.map` (`make map`) writes the pictures in docs/ and the parts of CONTRIBUTING.md between
the marks. `rooms` reads the code, `ways` says what goes through it, `picture` and `text` show both.
"""
