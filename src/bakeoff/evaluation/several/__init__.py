"""What several ways of splitting the same data say together: repeats, folds, or designs side by side."""
