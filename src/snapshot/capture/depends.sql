-- What this transaction has made to depend on an object of the schema, or on a view or function elsewhere that reads the
-- schema: [copy, '', [object], 'depends on', what].
WITH RECURSIVE ns AS MATERIALIZED (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $schema$),
$members$,
source (classid, objid) AS (SELECT classid, objid FROM inside
    WHERE classid NOT IN ('pg_catalog.pg_amop'::pg_catalog.regclass, 'pg_catalog.pg_amproc'::pg_catalog.regclass)), copy AS (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $copy$),
-- A view depends through its rule.
through (classid, objid, refclassid, refobjid) AS (
    SELECT CASE WHEN r.oid IS NULL THEN d.classid ELSE 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid END,
        COALESCE(r.ev_class, d.objid), d.refclassid, d.refobjid
    FROM pg_catalog.pg_depend d
    LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = d.objid
    WHERE d.classid IN ('pg_catalog.pg_rewrite'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass)
      AND COALESCE(r.ev_class, d.objid) <> d.refobjid
      -- A function of an extension depends on the schema that it is in, and reads nothing of it.
      AND d.refclassid <> 'pg_catalog.pg_namespace'::pg_catalog.regclass
), reader (classid, objid) AS (
    SELECT t.classid, t.objid FROM through t JOIN source s ON s.classid = t.refclassid AND s.objid = t.refobjid
    WHERE NOT EXISTS (SELECT FROM source o WHERE o.classid = t.classid AND o.objid = t.objid)
    UNION
    SELECT t.classid, t.objid FROM through t JOIN reader r ON r.classid = t.refclassid AND r.objid = t.refobjid
    WHERE NOT EXISTS (SELECT FROM source o WHERE o.classid = t.classid AND o.objid = t.objid)
), forbidden (classid, objid) AS (
    SELECT classid, objid FROM source
    UNION
    SELECT r.classid, r.objid FROM reader r
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN copy ON copy.oid = c.relnamespace WHERE r.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = r.objid)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_proc p JOIN copy ON copy.oid = p.pronamespace WHERE r.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.oid = r.objid)
), made AS MATERIALIZED (
    SELECT d.classid, d.objid, d.objsubid, d.refclassid, d.refobjid, d.refobjsubid FROM pg_catalog.pg_depend d
    WHERE d.xmin = pg_catalog.pg_current_xact_id()::pg_catalog.xid
), hit AS MATERIALIZED ( -- Objects are named last: that is dear.
    SELECT m.* FROM made m JOIN forbidden s ON s.classid = m.refclassid AND s.objid = m.refobjid
    -- What belongs to the source itself, where that was loaded in this transaction too.
    WHERE NOT EXISTS (SELECT FROM forbidden o WHERE o.classid = m.classid AND o.objid = m.objid)
)
SELECT pg_catalog.json_build_array($copy$, '', ARRAY[pg_catalog.pg_describe_object(h.classid, h.objid, h.objsubid)], 'depends on',
    pg_catalog.pg_describe_object(h.refclassid, h.refobjid, h.refobjsubid))
FROM hit h
WHERE pg_catalog.strpos((pg_catalog.pg_identify_object(h.classid, h.objid, h.objsubid)).identity, $copy$) > 0;
