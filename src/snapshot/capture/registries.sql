DECLARE
    registry record;
    found text[] := '{}';
    hits bigint;
BEGIN
    FOR registry IN
        SELECT c.oid::pg_catalog.regclass::text AS name, pg_catalog.quote_ident(a.attname) AS col
        FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
        -- Tables only, and text as PostgreSQL has it: nobody's function runs.
        WHERE c.relkind = 'r' AND n.nspname <> $schema$ AND t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND t.typcategory = 'S'
          AND ((c.relname = 'part_config' AND a.attname = 'parent_table') OR (c.relname = 'part_config_sub' AND a.attname = 'sub_parent')
            OR (n.nspname = 'cron' AND c.relname = 'job' AND a.attname = 'command')
            OR (n.nspname = '_timescaledb_catalog' AND c.relname IN ('hypertable', 'continuous_agg') AND a.attname IN ('schema_name', 'user_view_schema'))
            OR (c.relname = 'geometry_columns' AND a.attname = 'f_table_schema'))
          AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
        ORDER BY 1
    LOOP
        BEGIN
            EXECUTE pg_catalog.format('SELECT pg_catalog.count(*) FROM %s WHERE %s::pg_catalog.text ~ $1', registry.name, registry.col)
                INTO hits USING '(^|[^[:alnum:]_$])' || $pattern$ || '($|[^[:alnum:]_$])';
            IF hits > 0 THEN
                found := found || registry.name;
            END IF;
        EXCEPTION WHEN OTHERS THEN
            -- Row security that applies to this role.
            NULL;
        END;
    END LOOP;
    PERFORM pg_catalog.set_config('schemastamp.registries', pg_catalog.array_to_json(found)::text, true);
END
