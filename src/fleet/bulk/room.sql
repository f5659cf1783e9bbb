SELECT pg_catalog.json_build_object(
    'locks_per_transaction', s.locks,
    'locks', s.locks * (s.connections + s.prepared),
    'locks_held', (SELECT pg_catalog.count(DISTINCT (l.locktype, l.database, l.relation, l.classid, l.objid, l.objsubid, l.transactionid::text))
        FROM pg_catalog.pg_locks l WHERE NOT l.fastpath AND l.pid <> pg_catalog.pg_backend_pid()),
    'connections', least.room, 'limited_by', least.what,
    'database', (SELECT pg_catalog.json_build_array(pg_catalog.pg_postmaster_start_time() AT TIME ZONE 'UTC', d.oid, d.datname)
        FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()),
    'citus', (SELECT e.extversion FROM pg_catalog.pg_extension e WHERE e.extname = 'citus'))
FROM (SELECT pg_catalog.current_setting('max_locks_per_transaction')::bigint AS locks,
        pg_catalog.current_setting('max_connections')::bigint AS connections,
        pg_catalog.current_setting('max_prepared_transactions')::bigint AS prepared,
        pg_catalog.current_setting('superuser_reserved_connections')::bigint
            + COALESCE(pg_catalog.current_setting('reserved_connections', true)::bigint, 0) AS reserved) AS s,
    LATERAL (SELECT GREATEST(l.room, 0) AS room, l.what FROM (
        SELECT s.connections - s.reserved - pg_catalog.count(*) AS room, 'max_connections (' || s.connections || ')' AS what
        FROM pg_catalog.pg_stat_activity a WHERE a.usesysid IS NOT NULL AND a.datid IS NOT NULL
        UNION ALL
        SELECT r.rolconnlimit - pg_catalog.count(a.pid), 'the connection limit of role ' || pg_catalog.quote_ident(r.rolname) || ' (' || r.rolconnlimit || ')'
        FROM pg_catalog.pg_roles r LEFT JOIN pg_catalog.pg_stat_activity a ON a.usesysid = r.oid
        WHERE r.rolname = session_user AND r.rolconnlimit >= 0 AND NOT r.rolsuper GROUP BY r.rolconnlimit, r.rolname
        UNION ALL
        SELECT d.datconnlimit - pg_catalog.count(a.pid), 'the connection limit of database ' || pg_catalog.quote_ident(d.datname) || ' (' || d.datconnlimit || ')'
        FROM pg_catalog.pg_database d LEFT JOIN pg_catalog.pg_stat_activity a ON a.datid = d.oid AND a.usesysid IS NOT NULL
        WHERE d.datname = pg_catalog.current_database() AND d.datconnlimit >= 0 GROUP BY d.datconnlimit, d.datname
    ) AS l (room, what) ORDER BY l.room LIMIT 1) AS least;
