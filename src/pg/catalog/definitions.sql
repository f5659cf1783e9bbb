-- Definitions in which an alias can be called like the schema, as the server prints them now: [id, text].
WITH ns AS (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $schema$)
SELECT pg_catalog.json_build_array(id, definition) FROM (
    SELECT 'view ' || c.oid, pg_catalog.rtrim(pg_catalog.pg_get_viewdef(c.oid), ';')
    FROM pg_catalog.pg_class c JOIN ns ON ns.oid = c.relnamespace WHERE c.relkind IN ('v', 'm')
    UNION ALL
    SELECT 'rule ' || r.oid, pg_catalog.rtrim(pg_catalog.pg_get_ruledef(r.oid), ';')
    FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class JOIN ns ON ns.oid = c.relnamespace
    WHERE r.rulename <> '_RETURN'
    UNION ALL
    SELECT 'policy using ' || p.oid, pg_catalog.pg_get_expr(p.polqual, p.polrelid)
    FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid JOIN ns ON ns.oid = c.relnamespace
    UNION ALL
    SELECT 'policy check ' || p.oid, pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)
    FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid JOIN ns ON ns.oid = c.relnamespace
    UNION ALL
    SELECT 'trigger ' || t.oid, pg_catalog.pg_get_triggerdef(t.oid)
    FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN ns ON ns.oid = c.relnamespace
    WHERE NOT t.tgisinternal
    UNION ALL -- since 14
    SELECT 'routine ' || p.oid, pg_catalog.pg_get_function_sqlbody(p.oid) -- since 14
    FROM pg_catalog.pg_proc p JOIN ns ON ns.oid = p.pronamespace WHERE p.prosqlbody IS NOT NULL -- since 14
) AS printed (id, definition)
WHERE definition IS NOT NULL;
