-- expect: right
-- why: pg_dump sorts options by name, the catalog does not
CREATE SCHEMA app;
CREATE FOREIGN DATA WRAPPER fw;
CREATE SERVER sv FOREIGN DATA WRAPPER fw;
CREATE FOREIGN TABLE app.ft (i int OPTIONS (z '1', a '2')) SERVER sv OPTIONS (table_name 't', "Sc" 'x');
-- check:
SELECT true;
