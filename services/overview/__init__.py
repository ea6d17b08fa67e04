"""What stands where: the day, the stages, who owes what, what is to come, the figures."""
