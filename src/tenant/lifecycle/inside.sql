-- What depends on the schema's objects and is not in it: it would go, too. One description a row, as `outside`.
WITH ns AS (SELECT oid, nspname FROM pg_catalog.pg_namespace WHERE nspname = $schema$),
inside (classid, objid) AS (
    SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass, oid FROM ns
    UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid FROM pg_catalog.pg_class c JOIN ns ON ns.oid = c.relnamespace
    UNION ALL SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid FROM pg_catalog.pg_proc p JOIN ns ON ns.oid = p.pronamespace
    UNION ALL SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid FROM pg_catalog.pg_type t JOIN ns ON ns.oid = t.typnamespace
    UNION ALL SELECT 'pg_catalog.pg_operator'::pg_catalog.regclass, o.oid FROM pg_catalog.pg_operator o JOIN ns ON ns.oid = o.oprnamespace
    UNION ALL SELECT 'pg_catalog.pg_collation'::pg_catalog.regclass, c.oid FROM pg_catalog.pg_collation c JOIN ns ON ns.oid = c.collnamespace
    UNION ALL SELECT 'pg_catalog.pg_opclass'::pg_catalog.regclass, o.oid FROM pg_catalog.pg_opclass o JOIN ns ON ns.oid = o.opcnamespace
    UNION ALL SELECT 'pg_catalog.pg_opfamily'::pg_catalog.regclass, o.oid FROM pg_catalog.pg_opfamily o JOIN ns ON ns.oid = o.opfnamespace
    -- Operators and functions of a class: those that stand alone in their family are not parts of the class.
    UNION ALL SELECT 'pg_catalog.pg_amop'::pg_catalog.regclass, a.oid FROM pg_catalog.pg_amop a
        JOIN pg_catalog.pg_opfamily o ON o.oid = a.amopfamily JOIN ns ON ns.oid = o.opfnamespace
    UNION ALL SELECT 'pg_catalog.pg_amproc'::pg_catalog.regclass, a.oid FROM pg_catalog.pg_amproc a
        JOIN pg_catalog.pg_opfamily o ON o.oid = a.amprocfamily JOIN ns ON ns.oid = o.opfnamespace
    UNION ALL SELECT 'pg_catalog.pg_ts_config'::pg_catalog.regclass, c.oid FROM pg_catalog.pg_ts_config c JOIN ns ON ns.oid = c.cfgnamespace
    UNION ALL SELECT 'pg_catalog.pg_ts_dict'::pg_catalog.regclass, d.oid FROM pg_catalog.pg_ts_dict d JOIN ns ON ns.oid = d.dictnamespace
    UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, c.oid FROM pg_catalog.pg_constraint c JOIN ns ON ns.oid = c.connamespace
-- Up to 14, pg_depend has a row of class 0 for each pinned object, which the functions below cannot describe: they must not
-- be called before the join.
), dependent (classid, objid, refclassid, refobjid) AS MATERIALIZED (
    SELECT d.classid, d.objid, d.refclassid, d.refobjid FROM pg_catalog.pg_depend d
    JOIN inside i ON i.classid = d.refclassid AND i.objid = d.refobjid
    WHERE d.classid <> 'pg_catalog.pg_default_acl'::pg_catalog.regclass
      -- A part of something inside, wherever it is: the trigger of a foreign key on the table that it refers to.
      AND d.deptype <> 'i'
      -- A cast is in no schema; that of a type goes with the type.
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_cast k JOIN pg_catalog.pg_type t ON t.oid IN (k.castsource, k.casttarget)
          JOIN ns ON ns.oid = t.typnamespace WHERE d.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass AND k.oid = d.objid)
      AND NOT EXISTS (SELECT FROM inside o WHERE o.classid = d.classid AND o.objid = d.objid)
), placed AS (
    SELECT d.*, COALESCE((pg_catalog.pg_identify_object(d.classid, d.objid, 0)).schema,
        ((pg_catalog.pg_identify_object_as_address(d.classid, d.objid, 0)).object_names)[1]) AS place
    FROM dependent d
)
SELECT DISTINCT pg_catalog.pg_describe_object(p.classid, p.objid, 0) || ' depends on '
    || pg_catalog.pg_describe_object(p.refclassid, p.refobjid, 0) AS outside
FROM placed p JOIN ns ON p.place IS DISTINCT FROM ns.nspname AND p.place IS DISTINCT FROM pg_catalog.quote_ident(ns.nspname)
WHERE p.place IS DISTINCT FROM 'pg_toast'
