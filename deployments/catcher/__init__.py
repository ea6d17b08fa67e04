"""A local mailbox: receives mail on this machine, sends none on, and shows it on a page."""

from deployments.catcher.process import CannotListen, main, serve

__all__ = ["CannotListen", "main", "serve"]
