"""A company that does not exist, its year of incidents, and the deliveries that PagerDuty would have sent of it."""
