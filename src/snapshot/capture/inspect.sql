-- One JSON object about a schema: what its dump does not tell.
WITH ns AS (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $schema$)
SELECT pg_catalog.json_build_object(
    'major', pg_catalog.current_setting('server_version_num')::int / 10000,
    'extensions', COALESCE((SELECT pg_catalog.json_agg(e.extname ORDER BY e.extname) FROM pg_catalog.pg_extension e JOIN ns ON ns.oid = e.extnamespace), '[]'),
    'populated', COALESCE((SELECT pg_catalog.json_agg(c.relname) FROM pg_catalog.pg_class c JOIN ns ON ns.oid = c.relnamespace
        WHERE c.relkind = 'm' AND c.relispopulated), '[]'),
    'tables', COALESCE((SELECT pg_catalog.json_agg(pg_catalog.json_build_array(c.relname,
            (SELECT COALESCE(pg_catalog.json_agg(a.attname ORDER BY a.attnum), '[]') FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
            EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attidentity <> '')) ORDER BY c.relname)
        FROM pg_catalog.pg_class c JOIN ns ON ns.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')), '[]'),
    'search_path', (SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'search_path'));
