"""What a person or a timer can do: web and API over use cases, over rules, over channels, over foundations."""
