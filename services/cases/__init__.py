"""What is done to a case, from the first alert to the last follow-up, by whoever does it."""
