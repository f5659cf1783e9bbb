-- Definitions in which an alias can be called like the schema, as the server prints them now: [id, text].
WITH ns AS MATERIALIZED (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $schema$),
$members$
SELECT pg_catalog.json_build_array(id, definition) FROM (
    SELECT 'view ' || c.oid, pg_catalog.rtrim(pg_catalog.pg_get_viewdef(c.oid), ';') FROM relation r
    CROSS JOIN LATERAL (SELECT c.oid FROM pg_catalog.pg_class c WHERE c.oid = r.oid AND c.relkind IN ('v', 'm') OFFSET 0) c
    UNION ALL
    SELECT 'rule ' || w.oid, pg_catalog.rtrim(pg_catalog.pg_get_ruledef(w.oid), ';') FROM relation r
    CROSS JOIN LATERAL (SELECT w.oid FROM pg_catalog.pg_rewrite w WHERE w.ev_class = r.oid AND w.rulename <> '_RETURN' OFFSET 0) w
    UNION ALL
    SELECT 'policy using ' || p.oid, pg_catalog.pg_get_expr(p.polqual, p.polrelid) FROM relation r
    CROSS JOIN LATERAL (SELECT p.* FROM pg_catalog.pg_policy p WHERE p.polrelid = r.oid OFFSET 0) p
    UNION ALL
    SELECT 'policy check ' || p.oid, pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) FROM relation r
    CROSS JOIN LATERAL (SELECT p.* FROM pg_catalog.pg_policy p WHERE p.polrelid = r.oid OFFSET 0) p
    UNION ALL
    SELECT 'trigger ' || t.oid, pg_catalog.pg_get_triggerdef(t.oid) FROM relation r
    CROSS JOIN LATERAL (SELECT t.oid FROM pg_catalog.pg_trigger t WHERE t.tgrelid = r.oid AND NOT t.tgisinternal OFFSET 0) t
    UNION ALL -- since 14
    SELECT 'routine ' || p.oid, pg_catalog.pg_get_function_sqlbody(p.oid) FROM routine r -- since 14
    CROSS JOIN LATERAL (SELECT p.oid, p.prosqlbody FROM pg_catalog.pg_proc p WHERE p.oid = r.oid OFFSET 0) p -- since 14
    WHERE p.prosqlbody IS NOT NULL -- since 14
) AS printed (id, definition)
WHERE definition IS NOT NULL;
