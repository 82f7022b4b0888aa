"""Where webhooks enter: verify, record, answer."""
