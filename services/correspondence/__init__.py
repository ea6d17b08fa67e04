"""What leaves and what comes in: delivery, letters, replies, SMS, webhooks."""
