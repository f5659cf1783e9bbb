-- What depends on the schema's objects and is not in it: it would go, too. One description a row, as `outside`.
WITH ns AS MATERIALIZED (SELECT oid, nspname FROM pg_catalog.pg_namespace WHERE nspname = $schema$),
$members$,
-- Up to 14, pg_depend has a row of class 0 for each pinned object, which the functions below cannot describe: they must not
-- be called before the join.
dependent (classid, objid, refclassid, refobjid) AS MATERIALIZED (
    SELECT d.classid, d.objid, d.refclassid, d.refobjid FROM inside i
    CROSS JOIN LATERAL (SELECT d.* FROM pg_catalog.pg_depend d WHERE d.refclassid = i.classid AND d.refobjid = i.objid
        AND d.classid <> 'pg_catalog.pg_default_acl'::pg_catalog.regclass
        -- A part of something inside, wherever it is: the trigger of a foreign key on the table that it refers to.
        AND d.deptype <> 'i' OFFSET 0) d
    -- A cast is in no schema; that of a type goes with the type.
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_cast k JOIN datatype t ON t.oid IN (k.castsource, k.casttarget)
          WHERE d.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass AND k.oid = d.objid)
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
