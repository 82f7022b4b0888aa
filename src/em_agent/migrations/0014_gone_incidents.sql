-- Incidents that REST showed once and has no longer, since when: the memory leaves them out until they are heard of again.
-- Their history stays in the record, and so do the numbers made of it.
CREATE TABLE search.gone_incidents (
    incident_id text PRIMARY KEY,
    found_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
