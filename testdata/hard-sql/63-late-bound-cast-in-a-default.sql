-- expect: right or ambiguous: table u
-- rename: *
-- why: ('app'::text)::regnamespace and ('app.'||'u')::regclass in a default
create schema app; create table app.u(n regnamespace default ('app'::text)::regnamespace, c regclass default ('app.'||'u')::regclass);
-- check:
insert into #{prefix}.u default values; select n='#{prefix}'::regnamespace and c='#{prefix}.u'::regclass from #{prefix}.u;
