"""Fixtures that every test may ask for."""

pytest_plugins = ["tests.machines", "tests.databases", "tests.prefect_server"]
