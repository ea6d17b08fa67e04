"""Specification of the services."""
