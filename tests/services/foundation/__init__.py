"""Specification of the foundations."""
