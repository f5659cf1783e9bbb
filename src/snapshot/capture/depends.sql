-- What this transaction has made to depend on an object of the schema: [schema, '', object, 'depends on', what].
-- And a line when the database's default privileges concern what this role makes.
WITH ns AS (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $schema$),
source (classid, objid) AS (
    SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass, oid FROM ns
    UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid FROM pg_catalog.pg_class c JOIN ns ON ns.oid = c.relnamespace
    UNION ALL SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid FROM pg_catalog.pg_proc p JOIN ns ON ns.oid = p.pronamespace
    UNION ALL SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid FROM pg_catalog.pg_type t JOIN ns ON ns.oid = t.typnamespace
    UNION ALL SELECT 'pg_catalog.pg_operator'::pg_catalog.regclass, o.oid FROM pg_catalog.pg_operator o JOIN ns ON ns.oid = o.oprnamespace
    UNION ALL SELECT 'pg_catalog.pg_collation'::pg_catalog.regclass, c.oid FROM pg_catalog.pg_collation c JOIN ns ON ns.oid = c.collnamespace
    UNION ALL SELECT 'pg_catalog.pg_opclass'::pg_catalog.regclass, o.oid FROM pg_catalog.pg_opclass o JOIN ns ON ns.oid = o.opcnamespace
    UNION ALL SELECT 'pg_catalog.pg_opfamily'::pg_catalog.regclass, o.oid FROM pg_catalog.pg_opfamily o JOIN ns ON ns.oid = o.opfnamespace
    UNION ALL SELECT 'pg_catalog.pg_ts_config'::pg_catalog.regclass, c.oid FROM pg_catalog.pg_ts_config c JOIN ns ON ns.oid = c.cfgnamespace
    UNION ALL SELECT 'pg_catalog.pg_ts_dict'::pg_catalog.regclass, d.oid FROM pg_catalog.pg_ts_dict d JOIN ns ON ns.oid = d.dictnamespace
    UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, c.oid FROM pg_catalog.pg_constraint c JOIN ns ON ns.oid = c.connamespace
), copy AS (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $copy$)
SELECT pg_catalog.json_build_array($copy$, '', pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid), 'depends on',
    pg_catalog.pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid))
FROM pg_catalog.pg_depend d JOIN source s ON s.classid = d.refclassid AND s.objid = d.refobjid
WHERE d.xmin = pg_catalog.pg_current_xact_id()::pg_catalog.xid
  AND NOT EXISTS (SELECT FROM source o WHERE o.classid = d.classid AND o.objid = d.objid)
  -- What belongs to an object of the source itself: column defaults, rewrite rules, triggers, policies.
  AND (pg_catalog.pg_identify_object(d.classid, d.objid, d.objsubid)).identity LIKE '%' || $copy$ || '%'
UNION ALL
SELECT pg_catalog.json_build_array($copy$, '', '', 'has default privileges', '')
WHERE EXISTS (SELECT FROM pg_catalog.pg_default_acl a JOIN pg_catalog.pg_roles r ON r.oid = a.defaclrole
    WHERE a.defaclnamespace = 0 AND pg_catalog.pg_has_role(r.oid, 'USAGE'));
