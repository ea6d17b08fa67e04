"""The history of the schema: one numbered script a change, the same on SQLite and PostgreSQL."""
