-- The memory. Words are found by BM25 over plain tables whose counts are exact at every commit, meaning by pgvector.
CREATE EXTENSION IF NOT EXISTS vector;
CREATE SCHEMA search;

-- An incident is `pagerduty:incident:<id>`; a document of the user's own has the id that he gave it.
CREATE TABLE search.documents (
    key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    source text NOT NULL,
    title text NOT NULL,
    url text,
    number bigint,
    service_id text,
    service text,
    team_ids text[] NOT NULL DEFAULT '{}',
    teams text[] NOT NULL DEFAULT '{}',
    urgency text,
    status text,
    priority text,
    at timestamptz,
    meta jsonb NOT NULL DEFAULT '{}',
    digest bytea NOT NULL,          -- of all of the above and the passages: what has the same is unchanged
    length integer NOT NULL,        -- in terms
    indexed_at timestamptz NOT NULL DEFAULT now()
);

-- Title, notes and paragraphs, each with a meaning of its own. A vector belongs to the model that made it; one that is
-- missing, or of another model than the present one, is still to be made.
CREATE TABLE search.passages (
    document_key bigint NOT NULL REFERENCES search.documents ON DELETE CASCADE,
    ordinal integer NOT NULL,
    kind text NOT NULL,             -- title, note, paragraph
    text text NOT NULL,
    author text,
    at timestamptz,
    model text,
    embedding halfvec,
    PRIMARY KEY (document_key, ordinal)
);

-- Incidents whose document is to be made anew, written with the state that they are made of.
CREATE TABLE search.pending_incidents (
    incident_id text PRIMARY KEY,
    marked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
