"""What every service stands on: settings, clock, calendar, database, words."""
