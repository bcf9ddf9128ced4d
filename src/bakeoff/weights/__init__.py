"""Files of pretrained weights: their format, the naming of their tensors, whether they fit a model."""
