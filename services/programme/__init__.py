"""What a Slime decides of itself: people, organisations, who is there and when, texts, the pathway that is published."""
