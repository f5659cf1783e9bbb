-- expect: right
-- why: WITH (toast.autovacuum_enabled=…) in a schema named toast
-- schema: toast
create schema toast; create table toast.t(i text) with (autovacuum_enabled=true, toast.autovacuum_enabled=false);
-- check:
select reloptions is not null from pg_class where relname like 'pg_toast%' and oid=(select reltoastrelid from pg_class where oid='#{prefix}.t'::regclass);
