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
