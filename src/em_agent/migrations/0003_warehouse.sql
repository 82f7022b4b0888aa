-- The schema of the dbt project, and the functions with which its staging reads what senders write: they give null
-- for what cannot be read, so that no payload stops a run. They catch the errors of odd data alone: any other must not
-- turn an event into nothing. Their subtransactions have no place in parallel workers, where every one may fail.
CREATE SCHEMA warehouse;

-- The event in the envelope; null where the payload has none that json functions can read.
CREATE FUNCTION warehouse.read_event(payload json) RETURNS json LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE AS $$
BEGIN
    RETURN CASE WHEN json_typeof(payload -> 'event') = 'object' THEN payload -> 'event' END;
EXCEPTION WHEN data_exception OR statement_too_complex THEN
    RETURN NULL;
END
$$;

-- The UTC time that an ISO 8601 text names, without an offset in UTC; null outside the years 1 to 9999.
CREATE FUNCTION warehouse.read_time(value text) RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE AS $$
DECLARE
    parts text[];
    moment timestamptz;
BEGIN
    IF value IS NULL OR length(value) > 40 THEN
        RETURN NULL;
    END IF;
    parts := regexp_match(
        upper(value),
        '^([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]((?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])'
        '(?:[.,]([0-9]{1,9}))?(?:Z|([+-])([0-9]{2})(?::?([0-9]{2}))?)?$'
    );
    IF parts IS NULL THEN
        RETURN NULL;
    END IF;
    moment := (parts[1] || ' ' || parts[2] || '.' || left(coalesce(parts[3], '0'), 6))::timestamp AT TIME ZONE 'UTC';
    IF parts[4] IS NOT NULL THEN
        moment := moment - (parts[4] || '1')::integer
            * make_interval(hours => parts[5]::integer, mins => coalesce(parts[6], '0')::integer);
    END IF;
    RETURN CASE WHEN moment >= '0001-01-01 00:00:00+00' AND moment < '10000-01-01 00:00:00+00' THEN moment END;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$$;
