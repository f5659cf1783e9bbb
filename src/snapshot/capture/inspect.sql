-- One JSON object about a schema: what its dump does not tell. Run with an empty search_path.
WITH ns AS MATERIALIZED (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $schema$),
$members$
SELECT pg_catalog.json_build_object(
    'major', pg_catalog.current_setting('server_version_num')::int / 10000,
    'extensions', COALESCE((SELECT pg_catalog.json_agg(e.extname ORDER BY e.extname) FROM pg_catalog.pg_extension e JOIN ns ON ns.oid = e.extnamespace), '[]'),
    -- initdb gives the schema public to itself (10 is BOOTSTRAP_SUPERUSERID), and from 15 on to pg_database_owner.
    'has_initial_owner', COALESCE((SELECT n.nspowner = 10::pg_catalog.oid OR pg_catalog.pg_get_userbyid(n.nspowner) = 'pg_database_owner'
        FROM pg_catalog.pg_namespace n JOIN ns ON ns.oid = n.oid), false),
    'populated', COALESCE((SELECT pg_catalog.json_agg(c.relname) FROM relation r
        CROSS JOIN LATERAL (SELECT c.* FROM pg_catalog.pg_class c WHERE c.oid = r.oid OFFSET 0) c
        WHERE c.relkind = 'm' AND c.relispopulated), '[]'),
    'tables', COALESCE((SELECT pg_catalog.json_agg(pg_catalog.json_build_array(c.relname,
            (SELECT COALESCE(pg_catalog.json_agg(a.attname ORDER BY a.attnum), '[]') FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
            EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attidentity <> ''), c.relkind = 'p',
            -- Columns whose values are names, regclass and similar; also in arrays, domains, composite types and ranges.
            (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_array(a.attname, n.of_schemas) ORDER BY a.attnum), '[]')
             FROM pg_catalog.pg_attribute a CROSS JOIN LATERAL (
                WITH RECURSIVE part (oid) AS (SELECT a.atttypid UNION SELECT x.oid
                    FROM part p JOIN pg_catalog.pg_type t ON t.oid = p.oid CROSS JOIN LATERAL (SELECT t.typbasetype
                        UNION ALL SELECT t.typelem WHERE t.typlen = -1
                        UNION ALL SELECT c.atttypid FROM pg_catalog.pg_attribute c
                            WHERE c.attrelid = t.typrelid AND c.attnum > 0 AND NOT c.attisdropped
                        UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid) x (oid)
                    WHERE x.oid <> 0)
                SELECT pg_catalog.bool_or(t.typname = 'regnamespace') AS of_schemas FROM part p JOIN pg_catalog.pg_type t ON t.oid = p.oid
                WHERE t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND t.typname ~ '^reg') n
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND n.of_schemas IS NOT NULL),
            -- Columns of types that are not PostgreSQL's: a cast of theirs to text would run somebody's function.
            (SELECT COALESCE(pg_catalog.json_agg(a.attname ORDER BY a.attnum), '[]')
             FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               AND t.typnamespace <> 'pg_catalog'::pg_catalog.regnamespace),
            -- Columns that hold OIDs, also in arrays and in domains over domains.
            (WITH RECURSIVE base (attnum, attname, named, oid) AS (
                SELECT a.attnum, a.attname, t.typname, t.oid FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                UNION ALL
                SELECT b.attnum, b.attname, b.named, CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.typelem END
                FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.oid AND (t.typtype = 'd' OR t.typelem <> 0))
             SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_array(b.attname, b.named) ORDER BY b.attnum), '[]')
             FROM base b WHERE b.oid = 'pg_catalog.oid'::pg_catalog.regtype)) ORDER BY c.relname)
        FROM relation r CROSS JOIN LATERAL (SELECT c.* FROM pg_catalog.pg_class c WHERE c.oid = r.oid OFFSET 0) c
        WHERE c.relkind IN ('r', 'p')), '[]'),
    'partitions_elsewhere', COALESCE((SELECT pg_catalog.json_agg(c.oid::pg_catalog.regclass::text || ' of ' || i.inhparent::pg_catalog.regclass::text
            ORDER BY c.relname)
        FROM relation r JOIN pg_catalog.pg_inherits i ON i.inhrelid = r.oid
        JOIN pg_catalog.pg_class c ON c.oid = r.oid JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
        WHERE c.relispartition AND c.relkind IN ('r', 'p', 'f') AND p.relnamespace <> c.relnamespace), '[]'),
    -- Operators without a function that no other one names: see objects.sql.
    'shells', COALESCE((SELECT pg_catalog.json_agg(o.oprname || '(' || pg_catalog.format_type(o.oprleft, NULL) || ','
            || pg_catalog.format_type(o.oprright, NULL) || ')' ORDER BY o.oprname, o.oprleft, o.oprright)
        FROM pg_catalog.pg_operator o JOIN ns ON ns.oid = o.oprnamespace
        WHERE o.oprcode = 0::pg_catalog.oid AND NOT EXISTS (SELECT FROM pg_catalog.pg_operator r
            WHERE r.oprnamespace = o.oprnamespace AND r.oprcode <> 0::pg_catalog.oid AND o.oid IN (r.oprcom, r.oprnegate))), '[]'),
    -- As pg_dump writes them.
    'casts', COALESCE((SELECT pg_catalog.json_agg('CREATE CAST (' || pg_catalog.format_type(c.castsource, NULL) || ' AS '
            || pg_catalog.format_type(c.casttarget, NULL) || ') ' || CASE c.castmethod WHEN 'b' THEN 'WITHOUT FUNCTION' WHEN 'i' THEN 'WITH INOUT'
                ELSE 'WITH FUNCTION ' || (SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.proname) || '('
                    || COALESCE((SELECT pg_catalog.string_agg(pg_catalog.format_type(a.type, NULL), ', ' ORDER BY a.at)
                        FROM pg_catalog.unnest(p.proargtypes) WITH ORDINALITY a (type, at)), '') || ')'
                    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE p.oid = c.castfunc) END
            || CASE c.castcontext WHEN 'a' THEN ' AS ASSIGNMENT' WHEN 'i' THEN ' AS IMPLICIT' ELSE '' END)
        FROM pg_catalog.pg_cast c
        -- Those below 16384 (FirstNormalObjectId) are the server's own.
        WHERE c.oid >= 16384::pg_catalog.oid
          AND (EXISTS (SELECT FROM datatype d WHERE d.oid IN (c.castsource, c.casttarget)) OR EXISTS (SELECT FROM routine r WHERE r.oid = c.castfunc))
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass
            AND d.objid = c.oid AND d.deptype IN ('e', 'i'))), '[]'),
    -- What initdb granted, and pg_dump leaves out for that: the schema public.
    'initial', COALESCE((SELECT pg_catalog.json_agg('GRANT ' || g.privileges || ' ON SCHEMA ' || pg_catalog.quote_ident(g.nspname) || ' TO '
            || g.grantee || g.option ORDER BY g.at)
        FROM (SELECT n.nspname, CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END AS grantee,
                CASE WHEN pg_catalog.count(*) = 2 THEN 'ALL' ELSE pg_catalog.max(x.privilege_type) END AS privileges,
                CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option, pg_catalog.min(x.at) AS at
            FROM pg_catalog.pg_namespace n JOIN ns ON ns.oid = n.oid
            CROSS JOIN LATERAL ROWS FROM (pg_catalog.aclexplode(n.nspacl)) WITH ORDINALITY AS x (grantor, grantee, privilege_type, is_grantable, at)
            WHERE x.grantee <> n.nspowner AND EXISTS (SELECT FROM pg_catalog.pg_init_privs i
                WHERE i.classoid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND i.objoid = n.oid)
            GROUP BY n.nspname, x.grantee, x.is_grantable) g)),
    'oids', COALESCE((SELECT pg_catalog.json_object_agg(o.oid, o.name) FROM (
            SELECT c.oid, CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' WHEN 'S' THEN 'sequence ' WHEN 'i' THEN 'index '
                WHEN 'I' THEN 'index ' WHEN 'c' THEN 'type ' ELSE 'table ' END || c.relname AS name
            FROM relation r CROSS JOIN LATERAL (SELECT c.* FROM pg_catalog.pg_class c WHERE c.oid = r.oid OFFSET 0) c
            UNION ALL SELECT p.oid, 'function ' || p.proname FROM routine r
            CROSS JOIN LATERAL (SELECT p.oid, p.proname FROM pg_catalog.pg_proc p WHERE p.oid = r.oid OFFSET 0) p
            UNION ALL SELECT t.oid, 'type ' || t.typname FROM datatype d
            CROSS JOIN LATERAL (SELECT t.oid, t.typname FROM pg_catalog.pg_type t WHERE t.oid = d.oid OFFSET 0) t
            UNION ALL SELECT oid, 'the schema' FROM ns) o), '{}'),
    'search_path', (SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'search_path'));
