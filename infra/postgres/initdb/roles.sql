-- Run by psql at the first start of a database container, as the owner of the tables.
\set ON_ERROR_STOP on
\getenv reader_password POSTGRES_READER_PASSWORD
\getenv monitor_password POSTGRES_MONITOR_PASSWORD
-- \gset keeps the passwords out of what psql prints.
SELECT set_config('tapeline.reader_password', :'reader_password', false) AS reader,
  set_config('tapeline.monitor_password', :'monitor_password', false) AS monitor \gset
\ir ../roles.sql
