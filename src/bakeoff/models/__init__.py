"""The model zoo: one concept per file; a model is a function marked `@model("name")`."""
