-- What Slack asked for, written before it is acknowledged. The key names the request, so that one which is sent again
-- changes nothing. Of a finished one only the key stays, until it is tidied away.
CREATE TABLE slack_jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL UNIQUE,
    kind text NOT NULL,                     -- command, interaction, event
    payload text NOT NULL,                  -- JSON as Slack sent it, which may hold what jsonb refuses
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),  -- when to try (again); of one under way: when its lease ends
    lease uuid,
    attempts integer NOT NULL DEFAULT 0,
    messages text,                          -- JSON: what is to be sent, once it is known
    sent_count integer NOT NULL DEFAULT 0,  -- how many of them Slack has
    is_sending boolean NOT NULL DEFAULT false,  -- the next one may have arrived: whoever sent it has not said
    finished_at timestamptz,
    error text
);
CREATE INDEX slack_jobs_due ON slack_jobs (due_at) WHERE finished_at IS NULL;

-- The answers that were given: to be shared, to be shown in full, and to give a question in a thread its context.
CREATE TABLE slack_answers (
    job_id bigint PRIMARY KEY REFERENCES slack_jobs ON DELETE CASCADE,
    channel text,
    thread_ts text,
    question text,
    answer text NOT NULL,                   -- JSON
    shared_by bigint,                       -- the job that shares it
    answered_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX slack_answers_thread ON slack_answers (channel, thread_ts, job_id DESC);

-- That incidents are announced, as whoever does so last said. While nobody does, no incident is marked for it.
CREATE TABLE slack_announcing (
    is_on boolean PRIMARY KEY DEFAULT true CHECK (is_on),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Incidents of which Slack may not have heard all, written with the state that it is to hear of.
CREATE TABLE slack_pending (
    incident_id text PRIMARY KEY,
    first_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    marked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    channel text                            -- where it belonged at the last look: so that no channel's many hide another's
);

-- What Slack has heard of an incident: its message, and what was said in the thread of it.
CREATE TABLE slack_announcements (
    incident_id text PRIMARY KEY,
    channel text NOT NULL,
    ts text,                                -- names the message; null until Slack has it
    shown bytea,                            -- digest of what the message shows
    heard text NOT NULL DEFAULT '[]',       -- JSON: the events that the message and its thread tell of
    has_similar boolean NOT NULL DEFAULT false, -- past incidents like it were named, or there are none
    sending text,                           -- the mark of a message that may have arrived
    announced_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What of Slack does not work: the token, or a channel.
CREATE TABLE slack_troubles (
    subject text PRIMARY KEY,
    error text NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);
