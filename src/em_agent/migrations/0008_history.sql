-- History that was read of the vendor's REST API, beside what it sends.

-- A reopening that nobody told of has no time.
ALTER TABLE incident_episodes ALTER COLUMN started_at DROP NOT NULL;

-- What was read, if it names an incident; null where it does not, or json functions cannot read it.
CREATE FUNCTION warehouse.read_record(payload json) RETURNS json LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE AS $$
BEGIN
    RETURN CASE WHEN json_typeof(payload -> 'incident') = 'object' THEN payload END;
EXCEPTION WHEN data_exception OR statement_too_complex THEN
    RETURN NULL;
END
$$;
