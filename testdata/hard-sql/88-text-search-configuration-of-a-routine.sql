-- expect: right
-- tenant: acme
-- tenant: O'Neil "x"
-- why: SET default_text_search_config of a routine names an object with its schema; other parameters hold plain text
create schema app; create text search configuration app.eng (copy = pg_catalog.english);
create function app.tsv(x text) returns tsvector language sql
    set default_text_search_config = 'app.eng' set app.note to 'app.eng' as $$ select to_tsvector(x) $$;
-- check:
select #{prefix}.tsv('cats') = 'cat:1'::tsvector
    and (select proconfig::text like '%app.note=app.eng%' from pg_proc where oid = '#{prefix}.tsv'::regproc);
