"""The registry's tests ask the same stores and servers as those of tracking."""

from tests.tracking.conftest import empty, server

__all__ = ["empty", "server"]
