"""Prepares a machine (packages, typeface, test browser) with the standard library only: nothing else is there yet."""
