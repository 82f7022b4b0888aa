"""What the product talks about: deliveries, events, incidents. Frozen and pure."""
