"""Relais killed, cut off and starved: what is left is whole, and nothing leaves twice."""
