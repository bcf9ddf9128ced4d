"""Pictures of what a trained model attends to, for a few fixed test images, each with its limits."""
