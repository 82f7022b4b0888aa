-- Each crawl of a vendor's history: what it was asked, how far it has got, what it brought and cost.
CREATE TABLE crawl_runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL,
    mode text NOT NULL,                     -- full, changes, selection
    parameters jsonb NOT NULL DEFAULT '{}',
    state text NOT NULL,                    -- running, done, failed, interrupted
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    touched_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    fetched integer NOT NULL DEFAULT 0,
    indexed integer NOT NULL DEFAULT 0,
    unchanged integer NOT NULL DEFAULT 0,
    failed integer NOT NULL DEFAULT 0,
    gone integer NOT NULL DEFAULT 0,
    requests integer NOT NULL DEFAULT 0,
    reasons jsonb NOT NULL DEFAULT '[]',    -- the first few, in sentences
    place jsonb                             -- where to go on; null where there is nothing to resume
);
CREATE INDEX crawl_runs_source ON crawl_runs (source, id DESC);

-- The incidents of the runs that are not finished, and what of each is still to be done.
CREATE TABLE crawl_incidents (
    run_id bigint NOT NULL REFERENCES crawl_runs ON DELETE CASCADE,
    incident_id text NOT NULL,
    created_at timestamptz,
    is_fetched boolean NOT NULL,            -- the incident itself was read in this run
    is_changed boolean NOT NULL DEFAULT FALSE, -- something about it that was not known was recorded in this run
    is_done boolean NOT NULL DEFAULT FALSE, -- with all that belongs to it, and is in the index
    PRIMARY KEY (run_id, incident_id)
);
CREATE INDEX crawl_incidents_open ON crawl_incidents (run_id, created_at DESC, incident_id) WHERE NOT is_done;

-- What a run could not read of an incident: the next ones try again.
CREATE TABLE crawl_failures (
    source text NOT NULL,
    incident_id text NOT NULL,
    reason text NOT NULL,
    attempts integer NOT NULL DEFAULT 1,
    failed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (source, incident_id)
);

-- The whole history up to this moment is here; what changed afterwards is still to be read.
CREATE TABLE crawl_marks (
    source text PRIMARY KEY,
    complete_until timestamptz NOT NULL,
    lacking text[] NOT NULL DEFAULT '{}'    -- log, notes: what the token was not permitted to read
);
