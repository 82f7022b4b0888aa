-- How far long work has got, so that it goes on where it was interrupted.
CREATE TABLE progress (
    name text PRIMARY KEY,
    place text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
