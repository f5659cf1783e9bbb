DECLARE found text;
BEGIN
    SELECT pg_catalog.string_agg(o.oid::pg_catalog.regoperator::text, ', ') INTO found
    FROM pg_catalog.pg_operator o
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) o.oprnamespace
    JOIN pg_catalog.pg_proc f ON f.oid OPERATOR(pg_catalog.=) o.oprcode::pg_catalog.oid
    JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) f.proowner
    WHERE n.nspname OPERATOR(pg_catalog.=) ANY (ARRAY[$schemas$])
      AND NOT r.rolsuper AND r.rolname OPERATOR(pg_catalog.<>) CURRENT_USER
      AND EXISTS (SELECT FROM pg_catalog.pg_operator b JOIN pg_catalog.pg_namespace c ON c.oid OPERATOR(pg_catalog.=) b.oprnamespace
          WHERE b.oprname OPERATOR(pg_catalog.=) o.oprname AND c.nspname OPERATOR(pg_catalog.=) 'pg_catalog'::pg_catalog.name)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace c ON c.oid OPERATOR(pg_catalog.=) t.typnamespace
          WHERE t.oid OPERATOR(pg_catalog.=) ANY (ARRAY[o.oprleft, o.oprright])
            AND c.nspname OPERATOR(pg_catalog.<>) 'pg_catalog'::pg_catalog.name);
    IF found IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = '42501',
            MESSAGE = pg_catalog.concat('operators of another role would take the place of PostgreSQL''s own: ', found),
            HINT = 'they run as whoever compares the schema: connect as their owner, or drop them';
    END IF;
END
