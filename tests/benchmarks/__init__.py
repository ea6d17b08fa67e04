"""Measurements: run by hand, never collected; they say nothing about another machine."""
