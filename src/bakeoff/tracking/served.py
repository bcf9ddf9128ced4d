"""The loader's old address: models that earlier versions registered in MLflow import it from here."""

from bakeoff.serving.model import _load_pyfunc

__all__ = ["_load_pyfunc"]
