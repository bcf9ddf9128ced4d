"""`python -m bakeoff`, for an interpreter whose scripts are not on the path."""

from bakeoff.cli import main

main()
