-- The three roles and the database. Run by a superuser through psql, at any time and as often as wanted:
--
--   psql -v ON_ERROR_STOP=1 -f deploy/database.sql postgresql://postgres@db.internal/postgres
--
-- stratikey_owner     owns the database and changes its schema (MIGRATION_DATABASE_URL)
-- stratikey_app       one organization's rows at a time, by row-level security (DATABASE_URL)
-- stratikey_platform  across organizations: sign-in, scheduler, vendor console (PLATFORM_DATABASE_URL)
--
-- None of them is a superuser or may bypass row-level security. Another name for the database: -v name=…
-- Passwords are taken from the environment where it has them; otherwise set them with \password ROLE.

\if :{?name}
\else
  \set name stratikey
\endif
\getenv owner_password STRATIKEY_OWNER_PASSWORD
\getenv app_password STRATIKEY_APP_PASSWORD
\getenv platform_password STRATIKEY_PLATFORM_PASSWORD

-- Roles belong to the whole server: two of these at the same time take turns.
SELECT pg_advisory_lock(hashtext('stratikey.roles'));

SELECT format('CREATE ROLE %I', role)
  FROM unnest(ARRAY['stratikey_owner', 'stratikey_app', 'stratikey_platform']) AS role
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec

ALTER ROLE stratikey_owner LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
ALTER ROLE stratikey_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
ALTER ROLE stratikey_platform LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;

\if :{?owner_password}
  ALTER ROLE stratikey_owner PASSWORD :'owner_password';
\endif
\if :{?app_password}
  ALTER ROLE stratikey_app PASSWORD :'app_password';
\endif
\if :{?platform_password}
  ALTER ROLE stratikey_platform PASSWORD :'platform_password';
\endif

SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING ''UTF8''', :'name')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec

ALTER DATABASE :"name" OWNER TO stratikey_owner;
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE :"name" TO stratikey_app, stratikey_platform;

\connect :"name"

ALTER SCHEMA public OWNER TO stratikey_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO stratikey_app, stratikey_platform;
