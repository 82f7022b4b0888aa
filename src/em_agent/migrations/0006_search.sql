-- The memory. Words are found by BM25 over plain tables whose counts are exact at every commit, meaning by pgvector.
CREATE EXTENSION IF NOT EXISTS vector;
CREATE SCHEMA search;

-- An incident is `pagerduty:incident:<id>`; a document of the user's own has the id that he gave it. The rows are kept
-- narrow: a filter reads them, the texts are in the passages.
CREATE TABLE search.documents (
    key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
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
    length integer NOT NULL,        -- in terms, each as often as it occurs
    indexed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX documents_number ON search.documents (number) WHERE number IS NOT NULL;
CREATE INDEX documents_url ON search.documents USING hash (url);
CREATE INDEX documents_source ON search.documents (source);
CREATE INDEX documents_service_id ON search.documents (service_id);
CREATE INDEX documents_service ON search.documents (service);
CREATE INDEX documents_team_ids ON search.documents USING gin (team_ids);
CREATE INDEX documents_teams ON search.documents USING gin (teams);
CREATE INDEX documents_at ON search.documents (at);

-- Title, notes and paragraphs, each with a meaning of its own. A vector belongs to the model that made it; one that is
-- missing, or of another model than the present one, is still to be made.
CREATE TABLE search.passages (
    document_key integer NOT NULL REFERENCES search.documents ON DELETE CASCADE,
    ordinal integer NOT NULL,
    kind text NOT NULL,             -- title, note, paragraph
    text text NOT NULL,
    author text,
    at timestamptz,
    model text,
    embedding halfvec,
    PRIMARY KEY (document_key, ordinal)
);
-- Vectors are compared by the thousand: they stay in the row, and a long text moves out of it.
ALTER TABLE search.passages ALTER embedding SET STORAGE MAIN;
CREATE INDEX passages_model ON search.passages (model);

-- The one row of counts. Who writes to the index locks it first, so that writers go one after another, whole batches
-- at a time, and none waits for another in a circle.
CREATE TABLE search.corpus (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    documents bigint NOT NULL DEFAULT 0,
    length bigint NOT NULL DEFAULT 0
);
INSERT INTO search.corpus DEFAULT VALUES;

-- Each term with the number of documents that have it.
CREATE TABLE search.terms (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    term text COLLATE "C" NOT NULL UNIQUE,
    documents integer NOT NULL DEFAULT 0
) WITH (fillfactor = 70);           -- the count of a common term changes with every document

-- How often a term occurs in a document, whose length stands beside it so that a score needs nothing else. No foreign
-- keys: both sides are written by one function, and checks would double its time.
CREATE TABLE search.postings (
    term_id integer NOT NULL,
    document_key integer NOT NULL,
    frequency integer NOT NULL,
    length integer NOT NULL,
    PRIMARY KEY (term_id, document_key) INCLUDE (frequency, length)
);

-- The same the other way about: what a document is scored by once it is a candidate, and what it leaves when it goes.
CREATE TABLE search.contents (
    document_key integer PRIMARY KEY REFERENCES search.documents ON DELETE CASCADE,
    term_ids integer[] NOT NULL,
    frequencies integer[] NOT NULL
);

-- The form under which an English word is found, null for a stop word. Words of other languages and those with digits
-- are found as they are.
CREATE FUNCTION search.lexeme(word text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN word ~ '^[a-z]+$' THEN (ts_lexize('pg_catalog.english_stem', word))[1] ELSE word END;

-- Incidents whose document is to be made anew, written with the state that they are made of.
CREATE TABLE search.pending_incidents (
    incident_id text PRIMARY KEY,
    marked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
