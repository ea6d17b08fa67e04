"""What keeps Relais sound: its health, its nightly work, what the administrator puts right."""
