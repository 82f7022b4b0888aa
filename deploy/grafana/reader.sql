-- A role that reads what Grafana's boards show, and no payload. Run it as the user of DATABASE_URL, whose tables it
-- opens, once the product has run:
--   psql "$DATABASE_URL" --set password=... --file deploy/grafana/reader.sql
CREATE ROLE em_agent_reader LOGIN PASSWORD :'password';
ALTER ROLE em_agent_reader SET statement_timeout = '30s';
ALTER ROLE em_agent_reader SET default_transaction_read_only = on;
GRANT USAGE ON SCHEMA public, warehouse TO em_agent_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA warehouse TO em_agent_reader;
-- A full build makes the tables anew.
ALTER DEFAULT PRIVILEGES IN SCHEMA warehouse GRANT SELECT ON TABLES TO em_agent_reader;
GRANT SELECT ON outbox, dead_letters, crawl_runs TO em_agent_reader;
GRANT SELECT (id, source, event_type, delivery_id, occurred_at, received_at) ON events_raw TO em_agent_reader;
GRANT SELECT (id, source, reason, received_at) ON quarantine TO em_agent_reader;
