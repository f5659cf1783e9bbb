-- What elsewhere names a schema in text that the server does not follow: one JSON array [concern, object] a row. Other
-- tenants, which have a version table or a marker, speak of themselves.
WITH place (oid, nspname) AS MATERIALIZED (
    SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace n
    WHERE n.nspname NOT IN ($schema$, 'information_schema') AND n.nspname !~ '^pg_' AND $schema$ <> 'public'
      AND pg_catalog.strpos(COALESCE(pg_catalog.obj_description(n.oid, 'pg_namespace'), ''), 'schemastamp') = 0
      AND (n.nspname = 'public' OR NOT EXISTS (SELECT FROM pg_catalog.pg_class v WHERE v.relnamespace = n.oid AND v.relname IN ($versions$)))
), word (pattern) AS (
    -- Qualified with it, or a whole literal; in a body also quoted within another literal.
    VALUES ('(^|[^[:alnum:]_$"])"?' || $pattern$ || '"?[[:space:]]*\.|''"?' || $pattern$ || '"?''')
)
SELECT pg_catalog.json_build_array('used_outside', pg_catalog.pg_describe_object('pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 0))
FROM place n JOIN pg_catalog.pg_proc p ON p.pronamespace = n.oid CROSS JOIN word w
WHERE ((pg_catalog.strpos(p.prosrc, $schema$) > 0 AND p.prosrc ~ w.pattern)
    OR EXISTS (SELECT FROM pg_catalog.unnest(p.proconfig) s (setting)
        WHERE s.setting ~ ('[=, "]' || $pattern$ || '($|[, ".])')))
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    AND d.objid = p.oid AND d.deptype = 'e')
UNION ALL
SELECT pg_catalog.json_build_array('used_outside', pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, c.oid, 0))
FROM place n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid JOIN pg_catalog.pg_foreign_table f ON f.ftrelid = c.oid
WHERE ('schema_name=' || $schema$) = ANY (f.ftoptions)
UNION ALL
SELECT pg_catalog.json_build_array('used_outside', pg_catalog.pg_describe_object('pg_catalog.pg_trigger'::pg_catalog.regclass, t.oid, 0))
FROM place n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid JOIN pg_catalog.pg_trigger t ON t.tgrelid = c.oid
WHERE t.tgnargs > 0 AND NOT t.tgisinternal
  AND pg_catalog.encode(t.tgargs, 'escape') ~ ('(^|[^[:alnum:]_$])' || $pattern$ || '($|[^[:alnum:]_$])')
UNION ALL
-- Rows that arrive for a table are for the name that it has at the publisher. The view, as pg_subscription itself shows no
-- oid to plain roles before 14.
SELECT pg_catalog.json_build_array('used_outside', 'table ' || c.oid::pg_catalog.regclass::text || ' in subscription '
    || pg_catalog.quote_ident(s.subname))
FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
JOIN pg_catalog.pg_subscription_rel r ON r.srrelid = c.oid
JOIN (SELECT DISTINCT v.subid, v.subname FROM pg_catalog.pg_stat_subscription v) s ON s.subid = r.srsubid
WHERE n.nspname = $schema$;
