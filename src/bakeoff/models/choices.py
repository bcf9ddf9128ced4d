"""Values that options of several models share, named once; the catalogue reads them here, without torch."""

from typing import Literal

Statistics = Literal["auto", "none", "half", "imagenet"]
"""`half` is 0.5 and 0.5 (ViT in timm), `imagenet` ImageNet's own; `auto` is what the weights' file says."""

Part = Literal["all", "head"]
"""What of a model trains: all of it, or as a linear probe its head."""
