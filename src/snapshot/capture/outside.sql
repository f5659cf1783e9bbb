-- What ties a schema to the outside: one JSON array [concern, object] a row. Run with an empty search_path.
WITH ns AS MATERIALIZED (SELECT oid, nspname FROM pg_catalog.pg_namespace WHERE nspname = $schema$),
$members$,
-- Up to 14, pg_depend has a row of class 0 for each pinned object, which the functions below cannot describe: they must not
-- be called before the join.
dependent (classid, objid, refclassid, refobjid) AS MATERIALIZED (
    SELECT d.classid, d.objid, d.refclassid, d.refobjid FROM inside i
    CROSS JOIN LATERAL (SELECT d.* FROM pg_catalog.pg_depend d WHERE d.refclassid = i.classid AND d.refobjid = i.objid
        AND d.classid NOT IN ('pg_catalog.pg_default_acl'::pg_catalog.regclass, 'pg_catalog.pg_cast'::pg_catalog.regclass,
            'pg_catalog.pg_extension'::pg_catalog.regclass)
        -- A part of something inside, wherever it is: the trigger of a foreign key on the table that it refers to.
        AND d.deptype <> 'i' OFFSET 0) d
    WHERE NOT EXISTS (SELECT FROM inside o WHERE o.classid = d.classid AND o.objid = d.objid)
), placed AS (
    SELECT d.*, COALESCE((pg_catalog.pg_identify_object(d.classid, d.objid, 0)).schema,
        ((pg_catalog.pg_identify_object_as_address(d.classid, d.objid, 0)).object_names)[1]) AS place
    FROM dependent d
), outside (concern, object) AS (
    SELECT CASE WHEN p.relkind = 'p' THEN 'partitions_outside' ELSE 'children_outside' END, c.oid::pg_catalog.regclass::text
    FROM ns CROSS JOIN relation r
    CROSS JOIN LATERAL (SELECT i.inhrelid FROM pg_catalog.pg_inherits i WHERE i.inhparent = r.oid OFFSET 0) i
    CROSS JOIN LATERAL (SELECT p.relkind FROM pg_catalog.pg_class p WHERE p.oid = r.oid OFFSET 0) p
    CROSS JOIN LATERAL (SELECT c.oid, c.relnamespace, c.relkind FROM pg_catalog.pg_class c WHERE c.oid = i.inhrelid OFFSET 0) c
    WHERE c.relnamespace <> ns.oid AND c.relkind IN ('r', 'p', 'f')
    UNION
    SELECT CASE WHEN c.relispartition THEN 'partitions_of_others' ELSE 'parents_outside' END,
        c.relname || ' (' || p.oid::pg_catalog.regclass::text || ')'
    FROM ns CROSS JOIN relation r
    CROSS JOIN LATERAL (SELECT i.inhparent FROM pg_catalog.pg_inherits i WHERE i.inhrelid = r.oid OFFSET 0) i
    CROSS JOIN LATERAL (SELECT c.relname, c.relkind, c.relispartition FROM pg_catalog.pg_class c WHERE c.oid = r.oid OFFSET 0) c
    CROSS JOIN LATERAL (SELECT p.oid, p.relnamespace FROM pg_catalog.pg_class p WHERE p.oid = i.inhparent OFFSET 0) p
    WHERE p.relnamespace <> ns.oid AND c.relkind IN ('r', 'p', 'f')
    UNION
    -- A view is named itself, not its rule.
    SELECT 'used_outside', pg_catalog.pg_describe_object(
        CASE WHEN v.relkind IN ('v', 'm') THEN 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid ELSE p.classid END,
        CASE WHEN v.relkind IN ('v', 'm') THEN v.oid ELSE p.objid END, 0)
    FROM placed p JOIN ns ON p.place IS DISTINCT FROM ns.nspname AND p.place IS DISTINCT FROM pg_catalog.quote_ident(ns.nspname)
    LEFT JOIN pg_catalog.pg_rewrite r ON p.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = p.objid
    LEFT JOIN pg_catalog.pg_class v ON v.oid = r.ev_class
    WHERE p.place IS DISTINCT FROM 'pg_toast'
      -- Until 13, an entry of class 0 pins an object of the system, such as the schema public.
      AND p.classid <> 0
      -- Listed as such, with what they inherit.
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND i.inhrelid = p.objid)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_inherits i ON i.inhrelid = k.conrelid
          WHERE p.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = p.objid AND k.coninhcount > 0)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE p.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND t.oid = p.objid AND t.tgisinternal)
    UNION
    -- Their place is that of the table.
    SELECT 'used_outside', pg_catalog.pg_describe_object('pg_catalog.pg_publication_rel'::pg_catalog.regclass, p.oid, 0)
    FROM pg_catalog.pg_publication_rel p JOIN relation r ON r.oid = p.prrelid
    UNION
    SELECT 'used_outside', pg_catalog.pg_describe_object(d.classid, d.objid, 0)
    FROM pg_catalog.pg_depend d JOIN ns ON d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.refobjid = ns.oid
    JOIN pg_catalog.pg_class k ON k.oid = d.classid AND k.relname = 'pg_publication_namespace'
    UNION
    SELECT 'extension_members', pg_catalog.pg_describe_object(d.classid, d.objid, 0) || ' (' || e.extname || ')'
    FROM ns CROSS JOIN LATERAL (SELECT d.classid, d.objid FROM pg_catalog.pg_depend d
        WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.refobjid = ns.oid AND d.deptype = 'n'
        UNION SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass, ns.oid OFFSET 0) o
    CROSS JOIN LATERAL (SELECT d.* FROM pg_catalog.pg_depend d WHERE d.classid = o.classid AND d.objid = o.objid
        AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e' OFFSET 0) d
    -- An extension that is installed in the schema itself is reported as a whole.
    JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extnamespace <> ns.oid
    -- Types of tables, and of arrays.
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_type t WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.oid = d.objid
        AND (t.typrelid <> 0 OR t.typelem <> 0))
    UNION
    SELECT 'invalid_indexes', c.relname
    FROM relation r CROSS JOIN LATERAL (SELECT i.indisvalid FROM pg_catalog.pg_index i WHERE i.indexrelid = r.oid OFFSET 0) i
    CROSS JOIN LATERAL (SELECT c.oid, c.relname, c.relkind FROM pg_catalog.pg_class c WHERE c.oid = r.oid OFFSET 0) c
    WHERE NOT i.indisvalid AND c.relkind = 'i'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid)
    UNION
    -- Only a member of the role can set them; from 16 on, one that has its rights.
    SELECT 'default_privileges_of_others', a.defaclrole::pg_catalog.regrole::text
    FROM pg_catalog.pg_default_acl a JOIN ns ON ns.oid = a.defaclnamespace
    WHERE NOT pg_catalog.pg_has_role(a.defaclrole,
        CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 160000 THEN 'USAGE' ELSE 'MEMBER' END)
    UNION
    SELECT 'hypertables', c.relname
    FROM relation r CROSS JOIN LATERAL (SELECT t.tgfoid FROM pg_catalog.pg_trigger t WHERE t.tgrelid = r.oid OFFSET 0) t
    CROSS JOIN LATERAL (SELECT c.relname FROM pg_catalog.pg_class c WHERE c.oid = r.oid OFFSET 0) c
    JOIN pg_catalog.pg_proc f ON f.oid = t.tgfoid JOIN pg_catalog.pg_namespace n ON n.oid = f.pronamespace
    WHERE f.proname = 'insert_blocker' AND n.nspname IN ('_timescaledb_functions', '_timescaledb_internal')
    UNION
    SELECT 'settings', CASE WHEN s.setrole = 0 THEN 'database ' || d.datname
        WHEN s.setdatabase = 0 THEN 'role ' || pg_catalog.pg_get_userbyid(s.setrole)
        ELSE 'role ' || pg_catalog.pg_get_userbyid(s.setrole) || ' in database ' || d.datname END || ' (' || pg_catalog.split_part(c.setting, '=', 1) || ')'
    FROM pg_catalog.pg_db_role_setting s
    LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
    CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (setting)
    WHERE s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))
      AND pg_catalog.regexp_replace(c.setting, '^[^=]*=', '') ~ ('(^|[^[:alnum:]_$])' || $pattern$ || '($|[^[:alnum:]_$])')
)
SELECT pg_catalog.json_build_array(concern, object) FROM outside ORDER BY concern, object;
