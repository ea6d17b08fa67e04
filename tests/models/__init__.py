"""Specification of the vocabulary."""
