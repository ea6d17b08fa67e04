"""Whole cases as data: the acceptance tests."""
