SELECT COALESCE(pg_catalog.json_agg(w.result::jsonb || pg_catalog.jsonb_build_object('node', w.nodename || ':' || w.nodeport)), '[]')
FROM pg_catalog.run_command_on_workers($worker$
    SELECT pg_catalog.json_build_object(
        'locks_per_transaction', s.locks,
        'locks', s.locks * (s.connections + s.prepared),
        'locks_held', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks l WHERE NOT l.fastpath),
        'max_connections', s.connections,
        'connections', GREATEST(s.connections - s.reserved - (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a
            WHERE a.usesysid IS NOT NULL AND a.datid IS NOT NULL AND a.pid <> pg_catalog.pg_backend_pid()), 0))
    FROM (SELECT pg_catalog.current_setting('max_locks_per_transaction')::bigint AS locks,
        pg_catalog.current_setting('max_connections')::bigint AS connections,
        pg_catalog.current_setting('max_prepared_transactions')::bigint AS prepared,
        pg_catalog.current_setting('superuser_reserved_connections')::bigint AS reserved) AS s
$worker$) AS w WHERE w.success;
