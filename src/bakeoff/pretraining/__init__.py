"""Masked-patch pretraining: a Vision Transformer learns from images without labels."""
