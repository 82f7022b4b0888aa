-- The few incidents that are open, found without reading all that ever were.
CREATE INDEX incidents_open ON incidents (triggered_at DESC NULLS LAST, id DESC) WHERE status <> 'resolved';
