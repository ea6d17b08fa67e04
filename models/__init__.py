"""The vocabulary: tables, life cycles, events and the pathway's schema. Rules that need no I/O live here."""
