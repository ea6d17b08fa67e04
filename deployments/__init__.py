"""Connects: the command line, the wiring of processes, pathway files. The only place that sees all."""
