
DECLARE
    granted record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_default_acl WHERE defaclnamespace = 0) THEN
        RETURN;
    END IF;
    FOR granted IN
        WITH ns AS (SELECT oid, nspname, nspowner, nspacl FROM pg_catalog.pg_namespace WHERE nspname = $tenant$),
        made (kind, name, owner, acl) AS (
            SELECT 'SCHEMA', pg_catalog.quote_ident(nspname), nspowner, nspacl FROM ns
            UNION ALL
            SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::pg_catalog.regclass::text, c.relowner, c.relacl
            FROM pg_catalog.pg_class c JOIN ns ON ns.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
            UNION ALL
            SELECT 'ROUTINE', p.oid::pg_catalog.regprocedure::text, p.proowner, p.proacl
            FROM pg_catalog.pg_proc p JOIN ns ON ns.oid = p.pronamespace
            UNION ALL
            SELECT 'TYPE', pg_catalog.format_type(t.oid, NULL), t.typowner, t.typacl
            FROM pg_catalog.pg_type t JOIN ns ON ns.oid = t.typnamespace
        )
        SELECT made.kind, made.name, pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(made.owner)) AS owner,
            (SELECT pg_catalog.string_agg(DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC'
                ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END, ', ')
             FROM pg_catalog.aclexplode(made.acl) a WHERE a.grantee <> made.owner) AS others
        FROM made WHERE made.acl IS NOT NULL
    LOOP
        IF granted.others IS NOT NULL THEN
            EXECUTE pg_catalog.format('REVOKE ALL ON %s %s FROM %s', granted.kind, granted.name, granted.others);
        END IF;
        EXECUTE pg_catalog.format('GRANT ALL ON %s %s TO %s', granted.kind, granted.name, granted.owner);
        IF granted.kind = 'ROUTINE' THEN
            EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO PUBLIC', granted.name);
        ELSIF granted.kind = 'TYPE' THEN
            EXECUTE pg_catalog.format('GRANT USAGE ON TYPE %s TO PUBLIC', granted.name);
        END IF;
    END LOOP;
END
