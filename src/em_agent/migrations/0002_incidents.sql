-- What each event says about an incident: one row an event, keyed by it, so that a repetition changes nothing.
CREATE TABLE incident_events (
    event_id bigint PRIMARY KEY,
    incident_id text NOT NULL,
    source text NOT NULL,
    delivery_id text NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    occurred_at timestamptz,
    received_at timestamptz NOT NULL,
    is_clock_suspect boolean NOT NULL,      -- the sender's clock was more than a day ahead: `at` is the receipt
    actor_id text,
    actor_type text,
    actor text,
    text text,
    detail jsonb NOT NULL DEFAULT '{}'      -- the snapshot or note that the event carries, normalised
);
CREATE INDEX incident_events_incident ON incident_events (incident_id);

-- The state of each incident, folded from its events in the order of their time.
CREATE TABLE incidents (
    id text PRIMARY KEY,
    number bigint,
    title text,
    status text,
    urgency text,
    priority_id text,
    priority text,
    service_id text,
    service text,
    escalation_policy_id text,
    escalation_policy text,
    team_ids text[] NOT NULL DEFAULT '{}',
    teams text[] NOT NULL DEFAULT '{}',
    url text,
    triggered_at timestamptz,
    acknowledged_at timestamptz,
    resolved_at timestamptz,
    time_to_acknowledge_seconds double precision,
    time_to_resolve_seconds double precision,
    active_seconds double precision,
    reopen_count integer NOT NULL,
    escalation_count integer NOT NULL,
    is_merged boolean NOT NULL,
    merged_into text,
    is_auto_resolved boolean NOT NULL,
    last_event_at timestamptz NOT NULL
);
CREATE INDEX incidents_number ON incidents (number);
CREATE INDEX incidents_triggered ON incidents (triggered_at DESC, id DESC);

CREATE TABLE incident_episodes (
    incident_id text NOT NULL REFERENCES incidents ON DELETE CASCADE,
    ordinal integer NOT NULL,
    started_at timestamptz NOT NULL,
    started_by text NOT NULL,               -- the kind of event that opened it
    resolved_at timestamptz,
    PRIMARY KEY (incident_id, ordinal)
);

CREATE TABLE incident_notes (
    incident_id text NOT NULL REFERENCES incidents ON DELETE CASCADE,
    event_id bigint NOT NULL,
    note_id text,
    at timestamptz NOT NULL,
    author_id text,
    author text,
    content text NOT NULL,
    is_trimmed boolean NOT NULL,
    PRIMARY KEY (incident_id, event_id)
);

CREATE TABLE incident_assignments (
    incident_id text NOT NULL REFERENCES incidents ON DELETE CASCADE,
    assignee_id text NOT NULL,
    assignee text,
    assigned_at timestamptz NOT NULL,
    unassigned_at timestamptz,
    PRIMARY KEY (incident_id, assignee_id, assigned_at)
);
