"""Pictures of what a trained model looks at, for a few fixed test images; each says what it does not show."""
