"""The registry's tests ask the same stores and servers as those of tracking."""

from tests.tracking.conftest import empty, server
from tests.workflow.conftest import kept

__all__ = ["empty", "kept", "server"]
