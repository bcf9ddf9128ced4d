"""Where models that earlier versions registered in MLflow look for their loader: it is `serving.model`."""

from bakeoff.serving.model import _load_pyfunc

__all__ = ["_load_pyfunc"]
