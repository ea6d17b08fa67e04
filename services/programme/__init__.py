"""What a Slime decides of itself: people, organisations, who is there, texts, the pathway that is published."""
