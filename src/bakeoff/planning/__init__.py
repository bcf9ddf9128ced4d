"""What a bake-off will do and ask for, told before it starts."""
