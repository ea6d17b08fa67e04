"""Ports and adapters toward people: mail, SMS, letters, calendar invitations. They know nothing of cases."""
