"""What a Slime decides of itself: organisations, who is there and when, texts, the pathway that is published."""
