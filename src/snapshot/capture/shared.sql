-- One JSON object: the names in a schema that belong to extensions, which a database has once. Run with an empty search_path.
WITH ns AS MATERIALIZED (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $schema$)
SELECT pg_catalog.json_build_object(
    'routines', COALESCE((SELECT pg_catalog.json_agg(DISTINCT p.proname::text)
        FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_proc p ON p.oid = d.objid JOIN ns ON ns.oid = p.pronamespace
        WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
          AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass), '[]'),
    'others', COALESCE((SELECT pg_catalog.json_agg(DISTINCT o.name) FROM pg_catalog.pg_depend d JOIN (
            SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AS classid, c.oid, c.relname::text AS name, c.relnamespace AS schema FROM pg_catalog.pg_class c
            UNION ALL SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, t.typname::text, t.typnamespace FROM pg_catalog.pg_type t
            UNION ALL SELECT 'pg_catalog.pg_operator'::pg_catalog.regclass, o.oid, o.oprname::text, o.oprnamespace FROM pg_catalog.pg_operator o
            UNION ALL SELECT 'pg_catalog.pg_opclass'::pg_catalog.regclass, o.oid, o.opcname::text, o.opcnamespace FROM pg_catalog.pg_opclass o
            UNION ALL SELECT 'pg_catalog.pg_opfamily'::pg_catalog.regclass, o.oid, o.opfname::text, o.opfnamespace FROM pg_catalog.pg_opfamily o
            UNION ALL SELECT 'pg_catalog.pg_collation'::pg_catalog.regclass, o.oid, o.collname::text, o.collnamespace FROM pg_catalog.pg_collation o
            UNION ALL SELECT 'pg_catalog.pg_conversion'::pg_catalog.regclass, o.oid, o.conname::text, o.connamespace FROM pg_catalog.pg_conversion o
            UNION ALL SELECT 'pg_catalog.pg_ts_config'::pg_catalog.regclass, o.oid, o.cfgname::text, o.cfgnamespace FROM pg_catalog.pg_ts_config o
            UNION ALL SELECT 'pg_catalog.pg_ts_dict'::pg_catalog.regclass, o.oid, o.dictname::text, o.dictnamespace FROM pg_catalog.pg_ts_dict o
            UNION ALL SELECT 'pg_catalog.pg_ts_parser'::pg_catalog.regclass, o.oid, o.prsname::text, o.prsnamespace FROM pg_catalog.pg_ts_parser o
            UNION ALL SELECT 'pg_catalog.pg_ts_template'::pg_catalog.regclass, o.oid, o.tmplname::text, o.tmplnamespace FROM pg_catalog.pg_ts_template o
        ) o ON o.classid = d.classid AND o.oid = d.objid JOIN ns ON ns.oid = o.schema
        WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'), '[]'));
