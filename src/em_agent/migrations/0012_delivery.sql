-- What the configuration file says of services, as the worker that builds the marts read it last: each name by which a
-- tool knows a service, and the service. Names are lower-cased.
CREATE TABLE service_mapping (
    kind text NOT NULL,
    name text NOT NULL,
    service text NOT NULL,
    PRIMARY KEY (kind, name, service)
);

-- What else it says of deliveries. A mapping is applied when the marts that it concerns were built with it.
CREATE TABLE delivery_settings (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    change_window_seconds double precision NOT NULL DEFAULT 86400,
    version bigint NOT NULL DEFAULT 0,
    built_version bigint NOT NULL DEFAULT 0
);
INSERT INTO delivery_settings DEFAULT VALUES;

-- The payload if it is an object; null where it is none, or json functions cannot read it.
CREATE FUNCTION warehouse.read_object(payload json) RETURNS json LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE AS $$
BEGIN
    RETURN CASE WHEN json_typeof(payload) = 'object' THEN payload END;
EXCEPTION WHEN data_exception OR statement_too_complex THEN
    RETURN NULL;
END
$$;
