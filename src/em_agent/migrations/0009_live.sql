-- When an incident's document is to be made: at once, later where that failed.
ALTER TABLE search.pending_incidents
    ADD COLUMN due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD COLUMN attempts integer NOT NULL DEFAULT 0;
CREATE INDEX pending_incidents_due ON search.pending_incidents (due_at);

-- What no model has read is found newest first, without a look at the rest.
CREATE INDEX passages_unread ON search.passages (at DESC) WHERE model IS NULL;

-- Every incident that is known by now gets its document.
INSERT INTO search.pending_incidents (incident_id) SELECT id FROM incidents;
