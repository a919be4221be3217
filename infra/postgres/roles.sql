-- Roles that only look: tapeline_reader reads the tables (Grafana), tapeline_monitor what Postgres
-- says of itself (the exporter). The owner of the tables runs this, in their database, and must be
-- allowed to make roles; it may be run again. A role's password is the setting
-- tapeline.reader_password or tapeline.monitor_password of the session, since the text of a
-- statement can end up in a log; a role without one is left out.
DO $$
DECLARE
  kind text;
  password text;
BEGIN
  FOREACH kind IN ARRAY ARRAY['reader', 'monitor'] LOOP
    password := current_setting(format('tapeline.%s_password', kind), true);
    CONTINUE WHEN coalesce(password, '') = '';
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tapeline_' || kind) THEN
      EXECUTE format('CREATE ROLE tapeline_%s LOGIN', kind);
    END IF;
    EXECUTE format('ALTER ROLE tapeline_%s PASSWORD %L', kind, password);
    EXECUTE format('ALTER ROLE tapeline_%s SET default_transaction_read_only = on', kind);
    -- A panel over too long a time must not hold the sink up.
    EXECUTE format('ALTER ROLE tapeline_%s SET statement_timeout = ''30s''', kind);
    IF kind = 'monitor' THEN
      GRANT pg_monitor TO tapeline_monitor;
    ELSE
      GRANT USAGE ON SCHEMA public TO tapeline_reader;
      GRANT SELECT ON ALL TABLES IN SCHEMA public TO tapeline_reader;
      -- For the tables that the sink has yet to make.
      ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO tapeline_reader;
    END IF;
  END LOOP;
END
$$;
