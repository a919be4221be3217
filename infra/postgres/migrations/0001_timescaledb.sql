-- TimescaleDB where the server has it and can load it; plain Postgres goes on without.
-- An extension that is not preloaded would end the session, so that is looked at first.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
    AND string_to_array(
      replace(current_setting('shared_preload_libraries'), ' ', ''), ','
    ) @> ARRAY['timescaledb']
  THEN
    CREATE EXTENSION IF NOT EXISTS timescaledb;
  END IF;
END
$$;
