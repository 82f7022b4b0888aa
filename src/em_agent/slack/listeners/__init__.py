"""What is done with each kind of request, registered with Slack's own framework."""
