-- What people say of an incident's deployment; it stands above every rule, and survives a replay. No deployment, and
-- not caused by a change: linked to none.
CREATE TABLE incident_deployments_by_hand (
    incident_id text PRIMARY KEY,
    deployment_key text,
    is_caused_by_change boolean NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT now()
);
