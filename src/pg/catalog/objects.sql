-- One line for each aspect of each object of some schemas: [schema, kind, [part of the name, ...], aspect, value].
-- The parts of a name are text, of any length: in a UNION that begins with a column of type name, all would be cut at 63
-- bytes. Together with the kind they identify an object within its schema.
-- Run with search_path set to the schema, so that its own names come out without it; names that are not its own stay
-- qualified. What the server derives (array types, row types, constraint clones of partitions) is left out.
-- Lines that end in `-- since N` or `-- before N` are for those majors only.
-- The time taken must not depend on what else the database holds, nor on statistics, which are stale or missing right after a
-- bulk run. So everything begins with the objects' oids: each depends on its schema, which pg_depend has an index for, while
-- pg_class has none on relnamespace. And large catalogs are asked row by row: OFFSET 0 keeps the planner from joining the whole
-- of pg_attribute, however many rows it expects.
WITH ns AS MATERIALIZED (
    SELECT n.oid, n.nspname, n.nspowner, n.nspacl FROM pg_catalog.pg_namespace n WHERE $filter$
), inside AS MATERIALIZED (
    SELECT DISTINCT ns.oid AS schema, ns.nspname, d.classid, d.objid
    FROM ns CROSS JOIN LATERAL (SELECT d.classid, d.objid FROM pg_catalog.pg_depend d
        WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.refobjid = ns.oid AND d.deptype = 'n' OFFSET 0) d
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
        WHERE e.classid = d.classid AND e.objid = d.objid AND e.objsubid = 0 AND e.deptype = 'e' OFFSET 0)
), place (schema, nspname, oid) AS (
    SELECT i.schema, i.nspname, i.objid FROM inside i WHERE i.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    UNION ALL
    -- An index depends on its table, and a composite type of its own is a type first.
    SELECT i.schema, i.nspname, x.indexrelid FROM inside i
    CROSS JOIN LATERAL (SELECT x.indexrelid FROM pg_catalog.pg_index x WHERE x.indrelid = i.objid OFFSET 0) x
    WHERE i.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    UNION ALL
    SELECT i.schema, i.nspname, t.typrelid FROM inside i
    CROSS JOIN LATERAL (SELECT t.typrelid FROM pg_catalog.pg_type t WHERE t.oid = i.objid AND t.typtype = 'c' OFFSET 0) t
    WHERE i.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
), rel AS MATERIALIZED (
    SELECT c.*, p.nspname, CASE c.relkind
        WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
        WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'type' WHEN 'i' THEN 'index'
        WHEN 'I' THEN 'index' ELSE c.relkind::text END AS kind
    FROM place p CROSS JOIN LATERAL (SELECT c.* FROM pg_catalog.pg_class c WHERE c.oid = p.oid AND c.relnamespace = p.schema OFFSET 0) c
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c', 'i', 'I')
), fn AS MATERIALIZED (
    SELECT p.*, i.nspname,
        CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END AS kind,
        ARRAY[p.proname::text, pg_catalog.pg_get_function_identity_arguments(p.oid)] AS identity
    FROM inside i CROSS JOIN LATERAL (SELECT p.* FROM pg_catalog.pg_proc p WHERE p.oid = i.objid AND p.pronamespace = i.schema OFFSET 0) p
    WHERE i.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
      -- Constructors of ranges go with the range; no dump has them (getFuncs in pg_dump.c).
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        AND d.objid = p.oid AND d.deptype = 'i' OFFSET 0)
), ty AS MATERIALIZED (
    SELECT t.*, i.nspname, CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END AS kind
    FROM inside i CROSS JOIN LATERAL (SELECT t.* FROM pg_catalog.pg_type t WHERE t.oid = i.objid AND t.typnamespace = i.schema OFFSET 0) t
    WHERE i.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.typtype IN ('e', 'd', 'r', 'b', 'p', 'c')
      -- The type of an array is made with that of its elements.
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid OFFSET 0)
), op AS MATERIALIZED (
    -- An operator without a function that no other one names was left behind by a dropped one: no dump re-creates it.
    SELECT o.*, i.nspname FROM inside i JOIN pg_catalog.pg_operator o ON o.oid = i.objid AND o.oprnamespace = i.schema
    WHERE i.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND (o.oprcode <> 0::pg_catalog.oid OR EXISTS (SELECT FROM pg_catalog.pg_operator r
        WHERE r.oprnamespace = o.oprnamespace AND r.oprcode <> 0::pg_catalog.oid AND o.oid IN (r.oprcom, r.oprnegate)))
), described (classid, objid, objsubid, nspname, kind, object, owner, acl, acltype) AS (
    SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass, ns.oid, 0, ns.nspname, 'schema', '{}'::text[], ns.nspowner, ns.nspacl, 'n'::"char" FROM ns
    UNION ALL
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, oid, 0, nspname, kind, ARRAY[relname::text], relowner, relacl,
        CASE relkind WHEN 'S' THEN 's' WHEN 'c' THEN NULL WHEN 'i' THEN NULL WHEN 'I' THEN NULL ELSE 'r' END::"char" FROM rel WHERE relkind <> 'c'
    UNION ALL
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, r.oid, a.attnum, nspname, 'column', ARRAY[r.relname::text, a.attname::text], NULL, NULL, NULL
        FROM rel r
        CROSS JOIN LATERAL (SELECT a.attname, a.attnum FROM pg_catalog.pg_attribute a WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped OFFSET 0) a
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, oid, 0, nspname, kind, identity, proowner, proacl, 'f' FROM fn
    UNION ALL
    SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, oid, 0, nspname, kind, ARRAY[typname::text], typowner, typacl, 'T' FROM ty
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, c.oid, 0, r.nspname, 'constraint', ARRAY[c.conname::text, r.relname::text], NULL, NULL, NULL
        FROM rel r CROSS JOIN LATERAL (SELECT c.oid, c.conname FROM pg_catalog.pg_constraint c WHERE c.conrelid = r.oid OFFSET 0) c
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, c.oid, 0, t.nspname, 'constraint', ARRAY[c.conname::text, t.typname::text], NULL, NULL, NULL
        FROM ty t CROSS JOIN LATERAL (SELECT c.oid, c.conname FROM pg_catalog.pg_constraint c WHERE c.contypid = t.oid OFFSET 0) c
    UNION ALL
    SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass, g.oid, 0, r.nspname, 'trigger', ARRAY[g.tgname::text, r.relname::text], NULL, NULL, NULL
        FROM rel r
        CROSS JOIN LATERAL (SELECT g.oid, g.tgname FROM pg_catalog.pg_trigger g WHERE g.tgrelid = r.oid AND NOT g.tgisinternal OFFSET 0) g
    UNION ALL
    SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass, w.oid, 0, r.nspname, 'rule', ARRAY[w.rulename::text, r.relname::text], NULL, NULL, NULL
        FROM rel r
        CROSS JOIN LATERAL (SELECT w.oid, w.rulename FROM pg_catalog.pg_rewrite w WHERE w.ev_class = r.oid AND w.rulename <> '_RETURN' OFFSET 0) w
    UNION ALL
    SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, p.oid, 0, r.nspname, 'policy', ARRAY[p.polname::text, r.relname::text], NULL, NULL, NULL
        FROM rel r CROSS JOIN LATERAL (SELECT p.oid, p.polname FROM pg_catalog.pg_policy p WHERE p.polrelid = r.oid OFFSET 0) p
    UNION ALL
    SELECT 'pg_catalog.pg_operator'::pg_catalog.regclass, o.oid, 0, o.nspname, 'operator',
        ARRAY[o.oprname::text, pg_catalog.format_type(o.oprleft, NULL), pg_catalog.format_type(o.oprright, NULL)], o.oprowner, NULL, NULL
        FROM op o
    UNION ALL
    SELECT 'pg_catalog.pg_opclass'::pg_catalog.regclass, o.oid, 0, i.nspname, 'operator class', ARRAY[o.opcname::text, (SELECT a.amname::text FROM pg_catalog.pg_am a WHERE a.oid = o.opcmethod)], o.opcowner, NULL, NULL
        FROM inside i JOIN pg_catalog.pg_opclass o ON o.oid = i.objid AND o.opcnamespace = i.schema
        WHERE i.classid = 'pg_catalog.pg_opclass'::pg_catalog.regclass
    UNION ALL
    SELECT 'pg_catalog.pg_opfamily'::pg_catalog.regclass, o.oid, 0, i.nspname, 'operator family', ARRAY[o.opfname::text, (SELECT a.amname::text FROM pg_catalog.pg_am a WHERE a.oid = o.opfmethod)], o.opfowner, NULL, NULL
        FROM inside i JOIN pg_catalog.pg_opfamily o ON o.oid = i.objid AND o.opfnamespace = i.schema
        WHERE i.classid = 'pg_catalog.pg_opfamily'::pg_catalog.regclass
    UNION ALL
    SELECT 'pg_catalog.pg_collation'::pg_catalog.regclass, o.oid, 0, i.nspname, 'collation', ARRAY[o.collname::text], o.collowner, NULL, NULL
        FROM inside i JOIN pg_catalog.pg_collation o ON o.oid = i.objid AND o.collnamespace = i.schema
        WHERE i.classid = 'pg_catalog.pg_collation'::pg_catalog.regclass
    UNION ALL
    SELECT 'pg_catalog.pg_conversion'::pg_catalog.regclass, o.oid, 0, i.nspname, 'conversion', ARRAY[o.conname::text], o.conowner, NULL, NULL
        FROM inside i JOIN pg_catalog.pg_conversion o ON o.oid = i.objid AND o.connamespace = i.schema
        WHERE i.classid = 'pg_catalog.pg_conversion'::pg_catalog.regclass
    UNION ALL
    SELECT 'pg_catalog.pg_ts_config'::pg_catalog.regclass, o.oid, 0, i.nspname, 'text search configuration', ARRAY[o.cfgname::text], o.cfgowner, NULL, NULL
        FROM inside i JOIN pg_catalog.pg_ts_config o ON o.oid = i.objid AND o.cfgnamespace = i.schema
        WHERE i.classid = 'pg_catalog.pg_ts_config'::pg_catalog.regclass
    UNION ALL
    SELECT 'pg_catalog.pg_ts_dict'::pg_catalog.regclass, o.oid, 0, i.nspname, 'text search dictionary', ARRAY[o.dictname::text], o.dictowner, NULL, NULL
        FROM inside i JOIN pg_catalog.pg_ts_dict o ON o.oid = i.objid AND o.dictnamespace = i.schema
        WHERE i.classid = 'pg_catalog.pg_ts_dict'::pg_catalog.regclass
    UNION ALL
    SELECT 'pg_catalog.pg_ts_parser'::pg_catalog.regclass, o.oid, 0, i.nspname, 'text search parser', ARRAY[o.prsname::text], NULL, NULL, NULL
        FROM inside i JOIN pg_catalog.pg_ts_parser o ON o.oid = i.objid AND o.prsnamespace = i.schema
        WHERE i.classid = 'pg_catalog.pg_ts_parser'::pg_catalog.regclass
    UNION ALL
    SELECT 'pg_catalog.pg_ts_template'::pg_catalog.regclass, o.oid, 0, i.nspname, 'text search template', ARRAY[o.tmplname::text], NULL, NULL, NULL
        FROM inside i JOIN pg_catalog.pg_ts_template o ON o.oid = i.objid AND o.tmplnamespace = i.schema
        WHERE i.classid = 'pg_catalog.pg_ts_template'::pg_catalog.regclass
    UNION ALL
    SELECT 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, s.oid, 0, i.nspname, 'statistics', ARRAY[s.stxname::text], s.stxowner, NULL, NULL
        FROM inside i JOIN pg_catalog.pg_statistic_ext s ON s.oid = i.objid AND s.stxnamespace = i.schema
        WHERE i.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass
), aspects (nspname, kind, object, aspect, value) AS (
    -- Relations.
    SELECT r.nspname, r.kind, ARRAY[r.relname::text], 'definition', pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
        'kind', r.relkind, 'persistence', r.relpersistence,
        -- All that DDL can set, also of access methods of extensions; what begins with pg_ is the server's own.
        'options', (SELECT pg_catalog.jsonb_agg(o ORDER BY o) FROM pg_catalog.unnest(r.reloptions) o
            WHERE NOT pg_catalog.starts_with(o, 'pg_')),
        'access method', (SELECT amname FROM pg_catalog.pg_am a WHERE a.oid = r.relam),
        'tablespace', (SELECT spcname FROM pg_catalog.pg_tablespace s WHERE s.oid = r.reltablespace),
        'replica identity', CASE WHEN r.relkind IN ('r', 'p') THEN r.relreplident END,
        'row security', CASE WHEN r.relrowsecurity THEN CASE WHEN r.relforcerowsecurity THEN 'forced' ELSE 'enabled' END END,
        'of type', CASE WHEN r.reloftype <> 0 THEN pg_catalog.format_type(r.reloftype, NULL) END,
        'partition key', CASE WHEN r.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(r.oid) END,
        'partition of', CASE WHEN r.relispartition THEN pg_catalog.pg_get_expr(r.relpartbound, r.oid) END,
        'inherits', (SELECT pg_catalog.jsonb_agg(i.inhparent::pg_catalog.regclass::text ORDER BY i.inhseqno)
            FROM pg_catalog.pg_inherits i WHERE i.inhrelid = r.oid),
        'query', CASE WHEN r.relkind IN ('v', 'm') THEN pg_catalog.pg_get_viewdef(r.oid) END,
        'populated', CASE WHEN r.relkind = 'm' THEN r.relispopulated END,
        'sequence', CASE WHEN r.relkind = 'S' THEN (SELECT pg_catalog.jsonb_build_array(pg_catalog.format_type(q.seqtypid, NULL),
            q.seqstart, q.seqincrement, q.seqmax, q.seqmin, q.seqcache, q.seqcycle)
            FROM pg_catalog.pg_sequence q WHERE q.seqrelid = r.oid) END,
        'owned by', CASE WHEN r.relkind = 'S' THEN (SELECT (SELECT c.relname FROM pg_catalog.pg_class c WHERE c.oid = d.refobjid) || '.'
                || (SELECT a.attname FROM pg_catalog.pg_attribute a WHERE a.attrelid = d.refobjid AND a.attnum = d.refobjsubid)
                || ' (' || d.deptype::text || ')'
            FROM pg_catalog.pg_depend d
            WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = r.oid AND d.objsubid = 0
              AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')) END,
        'server', (SELECT pg_catalog.jsonb_build_array(s.srvname, (SELECT pg_catalog.jsonb_agg(o ORDER BY o) FROM pg_catalog.unnest(f.ftoptions) o)) FROM pg_catalog.pg_foreign_table f
            JOIN pg_catalog.pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = r.oid)
        ))::text
    FROM rel r WHERE r.relkind NOT IN ('i', 'I', 'c')
    UNION ALL
    -- Columns.
    SELECT r.nspname, 'column', ARRAY[r.relname::text, a.attname::text], 'definition', pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
        'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
        'not null', CASE WHEN a.attnotnull THEN true END,
        'default', CASE WHEN a.attgenerated = '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END,
        'generated', CASE WHEN a.attgenerated <> '' THEN a.attgenerated::text || ' ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid) END,
        'identity', NULLIF(a.attidentity::text, ''),
        'collation', CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::pg_catalog.regcollation::text END,
        'storage', CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage END,
        'compression', NULLIF(a.attcompression::text, ''), -- since 14
        'statistics', NULLIF(COALESCE(a.attstattarget, -1), -1),
        -- Those that DDL can set (attribute_reloptions in reloptions.c, 13 to 18): 15.20 keeps a pg_attver of its own there.
        'options', (SELECT pg_catalog.jsonb_agg(o ORDER BY o) FROM pg_catalog.unnest(a.attoptions) o
            WHERE pg_catalog.split_part(o, '=', 1) IN ('n_distinct', 'n_distinct_inherited')),
        'foreign options', (SELECT pg_catalog.jsonb_agg(o ORDER BY o) FROM pg_catalog.unnest(a.attfdwoptions) o),
        'inherited', CASE WHEN a.attinhcount > 0 THEN a.attinhcount::text || CASE WHEN a.attislocal THEN ' local' ELSE '' END END))::text
    FROM rel r
    CROSS JOIN LATERAL (SELECT a.* FROM pg_catalog.pg_attribute a WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped OFFSET 0) a
    CROSS JOIN LATERAL (SELECT t.typcollation, t.typstorage FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid OFFSET 0) t
    LEFT JOIN LATERAL (SELECT d.adbin, d.adrelid FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum OFFSET 0) d ON true
    WHERE r.relkind NOT IN ('i', 'I', 'S')
    UNION ALL
    SELECT r.nspname, r.kind, ARRAY[r.relname::text], 'column order',
        (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped)
    FROM rel r WHERE r.relkind NOT IN ('i', 'I', 'S')
    UNION ALL
    -- Constraints of tables and domains; those that a partition has from its parent say nothing of their own.
    SELECT r.nspname, 'constraint', ARRAY[c.conname::text, r.relname::text], 'definition', pg_catalog.pg_get_constraintdef(c.oid)
        || CASE WHEN c.conislocal THEN '' ELSE ' (inherited)' END
    FROM rel r CROSS JOIN LATERAL (SELECT c.* FROM pg_catalog.pg_constraint c WHERE c.conrelid = r.oid OFFSET 0) c
    WHERE c.contype IN ('c', 'f', 'p', 'u', 'x') AND NOT (c.contype = 'f' AND c.conparentid <> 0) -- before 18
    WHERE c.contype IN ('c', 'f', 'p', 'u', 'x', 'n') AND NOT (c.contype = 'f' AND c.conparentid <> 0) -- since 18
    UNION ALL
    SELECT t.nspname, 'constraint', ARRAY[c.conname::text, t.typname::text], 'definition', pg_catalog.pg_get_constraintdef(c.oid)
    FROM ty t CROSS JOIN LATERAL (SELECT c.oid, c.conname FROM pg_catalog.pg_constraint c WHERE c.contypid = t.oid OFFSET 0) c
    UNION ALL
    -- Indexes.
    SELECT r.nspname, 'index', ARRAY[r.relname::text], 'definition', pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
        'sql', pg_catalog.pg_get_indexdef(r.oid, 0, true), 'table', i.indrelid::pg_catalog.regclass::text,
        'tablespace', (SELECT spcname FROM pg_catalog.pg_tablespace s WHERE s.oid = r.reltablespace),
        'clustered', CASE WHEN i.indisclustered THEN true END, 'replica identity', CASE WHEN i.indisreplident THEN true END,
        'invalid', CASE WHEN NOT i.indisvalid THEN true END,
        'partition of', (SELECT n.inhparent::pg_catalog.regclass::text FROM pg_catalog.pg_inherits n WHERE n.inhrelid = r.oid),
        'statistics', (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(a.attnum, a.attstattarget) ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute a WHERE a.attrelid = r.oid AND a.attstattarget >= 0)))::text
    FROM rel r CROSS JOIN LATERAL (SELECT i.* FROM pg_catalog.pg_index i WHERE i.indexrelid = r.oid OFFSET 0) i
    UNION ALL
    -- Routines.
    SELECT f.nspname, f.kind, f.identity, 'definition', pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
        'kind', f.prokind, 'arguments', pg_catalog.pg_get_function_arguments(f.oid), 'result', pg_catalog.pg_get_function_result(f.oid),
        'language', (SELECT lanname FROM pg_catalog.pg_language l WHERE l.oid = f.prolang), 'volatility', f.provolatile,
        'strict', f.proisstrict, 'security definer', f.prosecdef, 'leakproof', f.proleakproof, 'parallel', f.proparallel,
        'cost', f.procost, 'rows', f.prorows, 'support', NULLIF(f.prosupport::text, '-'),
        'settings', pg_catalog.to_jsonb(f.proconfig), 'library', f.probin,
        'sql', pg_catalog.pg_get_function_sqlbody(f.oid), -- since 14
        'body', CASE WHEN f.prokind <> 'a' THEN f.prosrc END,
        'aggregate', CASE WHEN f.prokind = 'a' THEN (SELECT pg_catalog.to_jsonb(a) - 'aggfnoid' - 'aggtranstype' - 'aggmtranstype' - 'aggsortop'
            || pg_catalog.jsonb_build_object('type', pg_catalog.format_type(a.aggtranstype, NULL),
                'moving type', pg_catalog.format_type(NULLIF(a.aggmtranstype, 0), NULL), 'sort', a.aggsortop::pg_catalog.regoperator)
            FROM pg_catalog.pg_aggregate a WHERE a.aggfnoid = f.oid) END))::text
    FROM fn f
    UNION ALL
    -- Types.
    SELECT t.nspname, t.kind, ARRAY[t.typname::text], 'definition', pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
        'kind', t.typtype,
        'labels', CASE WHEN t.typtype = 'e' THEN (SELECT pg_catalog.jsonb_agg(e.enumlabel ORDER BY e.enumsortorder)
            FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid) END,
        'base', CASE WHEN t.typtype = 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END,
        'not null', CASE WHEN t.typnotnull THEN true END, 'default', t.typdefault,
        'collation', CASE WHEN t.typtype = 'd' AND t.typcollation <> 0 THEN t.typcollation::pg_catalog.regcollation::text END,
        'range', CASE WHEN t.typtype = 'r' THEN (SELECT pg_catalog.jsonb_build_array(pg_catalog.format_type(g.rngsubtype, NULL),
            g.rngcollation::pg_catalog.regcollation::text, g.rngcanonical::text, g.rngsubdiff::text,
            (SELECT o.opcname FROM pg_catalog.pg_opclass o WHERE o.oid = g.rngsubopc))
            FROM pg_catalog.pg_range g WHERE g.rngtypid = t.oid) END,
        'functions', CASE WHEN t.typtype = 'b' THEN pg_catalog.jsonb_build_array(t.typinput::text, t.typoutput::text, t.typlen, t.typbyval,
            t.typalign, t.typstorage, t.typcategory, t.typdelim) END))::text
    FROM ty t
    UNION ALL
    -- What hangs on tables.
    SELECT r.nspname, 'trigger', ARRAY[g.tgname::text, r.relname::text], 'definition',
        pg_catalog.pg_get_triggerdef(g.oid, true) || ' ' || g.tgenabled::text
    FROM rel r CROSS JOIN LATERAL (SELECT g.* FROM pg_catalog.pg_trigger g WHERE g.tgrelid = r.oid AND NOT g.tgisinternal OFFSET 0) g
    WHERE g.tgparentid = 0
    UNION ALL
    -- A partition's part of a trigger, where it was switched otherwise than the whole.
    SELECT r.nspname, 'trigger', ARRAY[g.tgname::text, r.relname::text], 'enabled', g.tgenabled::text
    FROM rel r CROSS JOIN LATERAL (SELECT g.* FROM pg_catalog.pg_trigger g WHERE g.tgrelid = r.oid AND g.tgparentid <> 0 OFFSET 0) g
    CROSS JOIN LATERAL (SELECT parent.tgenabled FROM pg_catalog.pg_trigger parent WHERE parent.oid = g.tgparentid OFFSET 0) parent WHERE g.tgenabled <> parent.tgenabled
    UNION ALL
    SELECT r.nspname, 'rule', ARRAY[w.rulename::text, r.relname::text], 'definition', pg_catalog.pg_get_ruledef(w.oid, true) || ' ' || w.ev_enabled::text
    FROM rel r CROSS JOIN LATERAL (SELECT w.* FROM pg_catalog.pg_rewrite w WHERE w.ev_class = r.oid AND w.rulename <> '_RETURN' OFFSET 0) w
    UNION ALL
    SELECT r.nspname, 'policy', ARRAY[p.polname::text, r.relname::text], 'definition', pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
        'command', p.polcmd, 'permissive', p.polpermissive,
        'roles', (SELECT pg_catalog.jsonb_agg(CASE WHEN role = 0 THEN 'public' ELSE role::pg_catalog.regrole::text END ORDER BY role)
            FROM pg_catalog.unnest(p.polroles) role),
        'using', pg_catalog.pg_get_expr(p.polqual, p.polrelid), 'check', pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)))::text
    FROM rel r CROSS JOIN LATERAL (SELECT p.* FROM pg_catalog.pg_policy p WHERE p.polrelid = r.oid OFFSET 0) p
    UNION ALL
    SELECT i.nspname, 'statistics', ARRAY[s.stxname::text], 'definition', s.stxrelid::pg_catalog.regclass::text || ' ' || s.stxkind::text || ' '
        || pg_catalog.pg_get_statisticsobjdef_columns(s.oid) || ' ' -- since 14
        || (SELECT pg_catalog.string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_catalog.pg_attribute a WHERE a.attrelid = s.stxrelid AND a.attnum = ANY (s.stxkeys)) || ' ' -- before 14
        || COALESCE(s.stxstattarget, -1)::text
    FROM inside i JOIN pg_catalog.pg_statistic_ext s ON s.oid = i.objid AND s.stxnamespace = i.schema
    WHERE i.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass
    UNION ALL
    -- Operators and the rest.
    SELECT o.nspname, 'operator', ARRAY[o.oprname::text, pg_catalog.format_type(o.oprleft, NULL), pg_catalog.format_type(o.oprright, NULL)],
        'definition', pg_catalog.jsonb_build_array(o.oprcode::text, pg_catalog.format_type(o.oprresult, NULL), o.oprcom::pg_catalog.regoperator::text,
            o.oprnegate::pg_catalog.regoperator::text, o.oprrest::text, o.oprjoin::text, o.oprcanmerge, o.oprcanhash)::text
    FROM op o
    UNION ALL
    SELECT i.nspname, 'operator class', ARRAY[o.opcname::text, (SELECT a.amname::text FROM pg_catalog.pg_am a WHERE a.oid = o.opcmethod)], 'definition', pg_catalog.jsonb_build_array(
        pg_catalog.format_type(o.opcintype, NULL), o.opcdefault, pg_catalog.format_type(NULLIF(o.opckeytype, 0), NULL),
        (SELECT opfname FROM pg_catalog.pg_opfamily f WHERE f.oid = o.opcfamily))::text
    FROM inside i JOIN pg_catalog.pg_opclass o ON o.oid = i.objid AND o.opcnamespace = i.schema
    WHERE i.classid = 'pg_catalog.pg_opclass'::pg_catalog.regclass
    UNION ALL
    SELECT i.nspname, 'operator family', ARRAY[f.opfname::text, (SELECT a.amname::text FROM pg_catalog.pg_am a WHERE a.oid = f.opfmethod)], 'definition', pg_catalog.jsonb_build_array(
        (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(a.amopstrategy, a.amopopr::pg_catalog.regoperator::text, a.amoppurpose) ORDER BY a.amopstrategy, a.amopopr::pg_catalog.regoperator::text)
            FROM pg_catalog.pg_amop a WHERE a.amopfamily = f.oid),
        (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(a.amprocnum, a.amproc::pg_catalog.regprocedure::text) ORDER BY a.amprocnum, a.amproc::pg_catalog.regprocedure::text)
            FROM pg_catalog.pg_amproc a WHERE a.amprocfamily = f.oid))::text
    FROM inside i JOIN pg_catalog.pg_opfamily f ON f.oid = i.objid AND f.opfnamespace = i.schema
    WHERE i.classid = 'pg_catalog.pg_opfamily'::pg_catalog.regclass
    UNION ALL
    SELECT i.nspname, 'collation', ARRAY[c.collname::text], 'definition',
        (pg_catalog.to_jsonb(c) - 'oid' - 'collname' - 'collnamespace' - 'collowner' - 'collversion')::text
    FROM inside i JOIN pg_catalog.pg_collation c ON c.oid = i.objid AND c.collnamespace = i.schema
    WHERE i.classid = 'pg_catalog.pg_collation'::pg_catalog.regclass
    UNION ALL
    SELECT i.nspname, 'conversion', ARRAY[c.conname::text], 'definition', (pg_catalog.to_jsonb(c) - 'oid' - 'conname' - 'connamespace' - 'conowner')::text
    FROM inside i JOIN pg_catalog.pg_conversion c ON c.oid = i.objid AND c.connamespace = i.schema
    WHERE i.classid = 'pg_catalog.pg_conversion'::pg_catalog.regclass
    UNION ALL
    SELECT i.nspname, 'text search configuration', ARRAY[c.cfgname::text], 'definition',
        (SELECT prsname FROM pg_catalog.pg_ts_parser p WHERE p.oid = c.cfgparser) || ' ' || COALESCE((SELECT
            pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(m.maptokentype, m.mapdict::pg_catalog.regdictionary::text) ORDER BY m.maptokentype, m.mapseqno)::text
            FROM pg_catalog.pg_ts_config_map m WHERE m.mapcfg = c.oid), '')
    FROM inside i JOIN pg_catalog.pg_ts_config c ON c.oid = i.objid AND c.cfgnamespace = i.schema
    WHERE i.classid = 'pg_catalog.pg_ts_config'::pg_catalog.regclass
    UNION ALL
    SELECT i.nspname, 'text search dictionary', ARRAY[d.dictname::text], 'definition',
        (SELECT tmplname FROM pg_catalog.pg_ts_template t WHERE t.oid = d.dicttemplate) || ' ' || COALESCE(d.dictinitoption, '')
    FROM inside i JOIN pg_catalog.pg_ts_dict d ON d.oid = i.objid AND d.dictnamespace = i.schema
    WHERE i.classid = 'pg_catalog.pg_ts_dict'::pg_catalog.regclass
    UNION ALL
    SELECT i.nspname, 'text search parser', ARRAY[p.prsname::text], 'definition',
        (pg_catalog.to_jsonb(p) - 'oid' - 'prsname' - 'prsnamespace')::text
    FROM inside i JOIN pg_catalog.pg_ts_parser p ON p.oid = i.objid AND p.prsnamespace = i.schema
    WHERE i.classid = 'pg_catalog.pg_ts_parser'::pg_catalog.regclass
    UNION ALL
    SELECT i.nspname, 'text search template', ARRAY[t.tmplname::text], 'definition',
        (pg_catalog.to_jsonb(t) - 'oid' - 'tmplname' - 'tmplnamespace')::text
    FROM inside i JOIN pg_catalog.pg_ts_template t ON t.oid = i.objid AND t.tmplnamespace = i.schema
    WHERE i.classid = 'pg_catalog.pg_ts_template'::pg_catalog.regclass
    UNION ALL
    -- Casts go with the schemas of their types, but not with that of an extension's: tenants have casts of these.
    SELECT ns.nspname, 'cast', ARRAY[pg_catalog.format_type(c.castsource, NULL), pg_catalog.format_type(c.casttarget, NULL)],
        'definition', pg_catalog.jsonb_build_array(c.castmethod, c.castcontext, NULLIF(c.castfunc, 0)::pg_catalog.regprocedure::text)::text
    FROM pg_catalog.pg_cast c
    CROSS JOIN LATERAL (SELECT DISTINCT t.typnamespace FROM pg_catalog.pg_type t WHERE t.oid IN (c.castsource, c.casttarget)
        -- Arrays and rows can be members through their element or relation alone (GenerateTypeDependencies in pg_type.c).
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend m WHERE m.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
            AND m.objid IN (t.oid, t.typelem) AND m.deptype = 'e')
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend m WHERE m.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
            AND m.objid = t.typrelid AND m.deptype = 'e')) t
    JOIN ns ON ns.oid = t.typnamespace
    -- Those below 16384 (FirstNormalObjectId) are the server's own.
    WHERE c.oid >= 16384::pg_catalog.oid AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend m
        WHERE m.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass AND m.objid = c.oid AND m.deptype = 'e')
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'i')
    UNION ALL
    -- Who may do what; what people wrote about it.
    SELECT d.nspname, d.kind, d.object, 'owner', d.owner::pg_catalog.regrole::text FROM described d WHERE d.owner IS NOT NULL
    UNION ALL
    SELECT d.nspname, d.kind, d.object, 'privileges', (
        SELECT pg_catalog.string_agg(CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::pg_catalog.regrole::text END
            || '=' || a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END, ', '
            ORDER BY a.grantee, a.privilege_type, a.is_grantable)
        FROM pg_catalog.aclexplode(COALESCE(d.acl, pg_catalog.acldefault(d.acltype, d.owner))) a)
    FROM described d WHERE d.acltype IS NOT NULL
    UNION ALL
    SELECT r.nspname, 'column', ARRAY[r.relname::text, a.attname::text], 'privileges', (
        SELECT pg_catalog.string_agg(CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE x.grantee::pg_catalog.regrole::text END
            || '=' || x.privilege_type || CASE WHEN x.is_grantable THEN '*' ELSE '' END, ', ' ORDER BY x.grantee, x.privilege_type, x.is_grantable)
        FROM pg_catalog.aclexplode(a.attacl) x)
    FROM rel r
    CROSS JOIN LATERAL (SELECT a.attname, a.attacl FROM pg_catalog.pg_attribute a WHERE a.attrelid = r.oid AND a.attacl IS NOT NULL AND NOT a.attisdropped OFFSET 0) a
    UNION ALL
    SELECT ns.nspname, 'default privileges', ARRAY[a.defaclrole::pg_catalog.regrole::text, a.defaclobjtype::text], 'privileges', (
        SELECT pg_catalog.string_agg(CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE x.grantee::pg_catalog.regrole::text END
            || '=' || x.privilege_type || CASE WHEN x.is_grantable THEN '*' ELSE '' END, ', ' ORDER BY x.grantee, x.privilege_type, x.is_grantable)
        FROM pg_catalog.aclexplode(a.defaclacl) x)
    FROM pg_catalog.pg_default_acl a JOIN ns ON ns.oid = a.defaclnamespace
    UNION ALL
    SELECT d.nspname, d.kind, d.object, 'comment', c.description
    FROM described d
    CROSS JOIN LATERAL (SELECT c.description FROM pg_catalog.pg_description c WHERE c.classoid = d.classid AND c.objoid = d.objid AND c.objsubid = d.objsubid OFFSET 0) c
    UNION ALL
    SELECT d.nspname, d.kind, d.object, 'security label', pg_catalog.string_agg(l.provider || ': ' || l.label, ', ' ORDER BY l.provider)
    FROM described d
    CROSS JOIN LATERAL (SELECT l.provider, l.label FROM pg_catalog.pg_seclabel l WHERE l.classoid = d.classid AND l.objoid = d.objid AND l.objsubid = d.objsubid OFFSET 0) l
    GROUP BY d.nspname, d.kind, d.object
)
SELECT pg_catalog.json_build_array(nspname, kind, object, aspect, value) FROM aspects ORDER BY nspname, kind, object, aspect;
