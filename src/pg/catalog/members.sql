-- The objects of the schema `ns`, found by what depends on it: see objects.sql. Expressions depend on a schema, too, where they
-- name it; hence the second look at where an object is.
named AS MATERIALIZED (
    SELECT DISTINCT ns.oid AS schema, d.classid, d.objid
    FROM ns CROSS JOIN LATERAL (SELECT d.classid, d.objid FROM pg_catalog.pg_depend d
        WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.refobjid = ns.oid AND d.deptype = 'n' OFFSET 0) d $own$
), relation (oid) AS MATERIALIZED (
    SELECT c.oid FROM (
        SELECT n.schema, n.objid FROM named n WHERE n.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
        UNION ALL
        SELECT n.schema, x.indexrelid FROM named n
        CROSS JOIN LATERAL (SELECT x.indexrelid FROM pg_catalog.pg_index x WHERE x.indrelid = n.objid OFFSET 0) x
        WHERE n.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
        UNION ALL
        SELECT n.schema, t.typrelid FROM named n
        CROSS JOIN LATERAL (SELECT t.typrelid FROM pg_catalog.pg_type t WHERE t.oid = n.objid AND t.typtype = 'c' OFFSET 0) t
        WHERE n.classid = 'pg_catalog.pg_type'::pg_catalog.regclass) r (schema, oid)
    CROSS JOIN LATERAL (SELECT c.oid FROM pg_catalog.pg_class c WHERE c.oid = r.oid AND c.relnamespace = r.schema OFFSET 0) c
), routine (oid) AS MATERIALIZED (
    SELECT p.oid FROM named n
    CROSS JOIN LATERAL (SELECT p.oid FROM pg_catalog.pg_proc p WHERE p.oid = n.objid AND p.pronamespace = n.schema OFFSET 0) p
    WHERE n.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
), element (oid, typarray) AS MATERIALIZED (
    SELECT t.oid, t.typarray FROM named n
    CROSS JOIN LATERAL (SELECT t.oid, t.typarray FROM pg_catalog.pg_type t WHERE t.oid = n.objid AND t.typnamespace = n.schema OFFSET 0) t
    WHERE n.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
    UNION
    SELECT t.oid, t.typarray FROM relation r
    CROSS JOIN LATERAL (SELECT c.reltype FROM pg_catalog.pg_class c WHERE c.oid = r.oid OFFSET 0) c
    CROSS JOIN LATERAL (SELECT t.oid, t.typarray FROM pg_catalog.pg_type t WHERE t.oid = c.reltype OFFSET 0) t
), datatype (oid) AS MATERIALIZED (
    SELECT e.oid FROM element e
    UNION
    SELECT e.typarray FROM element e WHERE e.typarray <> 0::pg_catalog.oid
), inside (classid, objid) AS MATERIALIZED (
    SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid, ns.oid FROM ns
    UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, r.oid FROM relation r
    UNION ALL SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, r.oid FROM routine r
    UNION ALL SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid FROM datatype t
    -- These have no expressions.
    UNION ALL SELECT n.classid, n.objid FROM named n
    WHERE n.classid IN ('pg_catalog.pg_operator'::pg_catalog.regclass, 'pg_catalog.pg_collation'::pg_catalog.regclass,
        'pg_catalog.pg_opclass'::pg_catalog.regclass, 'pg_catalog.pg_opfamily'::pg_catalog.regclass,
        'pg_catalog.pg_ts_config'::pg_catalog.regclass, 'pg_catalog.pg_ts_dict'::pg_catalog.regclass)
    -- Operators and functions of a class: those that stand alone in their family are not parts of the class.
    UNION ALL SELECT 'pg_catalog.pg_amop'::pg_catalog.regclass, a.oid FROM named n
        JOIN pg_catalog.pg_amop a ON a.amopfamily = n.objid WHERE n.classid = 'pg_catalog.pg_opfamily'::pg_catalog.regclass
    UNION ALL SELECT 'pg_catalog.pg_amproc'::pg_catalog.regclass, a.oid FROM named n
        JOIN pg_catalog.pg_amproc a ON a.amprocfamily = n.objid WHERE n.classid = 'pg_catalog.pg_opfamily'::pg_catalog.regclass
    UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, c.oid FROM relation r
        CROSS JOIN LATERAL (SELECT c.oid FROM pg_catalog.pg_constraint c WHERE c.conrelid = r.oid OFFSET 0) c
    UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, c.oid FROM datatype t
        CROSS JOIN LATERAL (SELECT c.oid FROM pg_catalog.pg_constraint c WHERE c.contypid = t.oid OFFSET 0) c
)
