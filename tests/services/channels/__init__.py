"""Specification of the channels."""
