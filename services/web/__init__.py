"""The web: pages, API, templates and static files."""
