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
            -- As pg_dump names them: for ROUTINE, OUT and TABLE columns count as arguments, too, which makes overloads
            -- ambiguous. Procedures are told apart by the modes of their arguments since 14.
            SELECT CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,
                pg_catalog.quote_ident(ns.nspname) || '.' || pg_catalog.quote_ident(p.proname) || '('
                    || CASE p.prokind WHEN 'p' THEN pg_catalog.pg_get_function_identity_arguments(p.oid)
                        ELSE COALESCE((SELECT pg_catalog.string_agg(pg_catalog.format_type(a.type, NULL), ', ' ORDER BY a.at)
                            FROM pg_catalog.unnest(p.proargtypes) WITH ORDINALITY AS a (type, at)), '') END || ')',
                p.proowner, p.proacl
            FROM pg_catalog.pg_proc p JOIN ns ON ns.oid = p.pronamespace
            -- Constructors of ranges are in no dump, and neither are their grants.
            WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                AND d.objid = p.oid AND d.deptype = 'i')
            UNION ALL
            -- The privileges of a multirange are those of its range.
            SELECT 'TYPE', pg_catalog.format_type(t.oid, NULL), t.typowner, t.typacl
            FROM pg_catalog.pg_type t JOIN ns ON ns.oid = t.typnamespace WHERE t.typtype <> 'm'
        )
        SELECT made.kind, made.name, pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(made.owner)) AS owner,
            (SELECT pg_catalog.string_agg(DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC'
                ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END, ', ')
             FROM pg_catalog.aclexplode(made.acl) a WHERE a.grantee <> made.owner) AS others
        FROM made WHERE made.acl IS NOT NULL
    LOOP
        BEGIN
            IF granted.others IS NOT NULL THEN
                EXECUTE pg_catalog.format('REVOKE ALL ON %s %s FROM %s', granted.kind, granted.name, granted.others);
            END IF;
            EXECUTE pg_catalog.format('GRANT ALL ON %s %s TO %s', granted.kind, granted.name, granted.owner);
            IF granted.kind IN ('FUNCTION', 'PROCEDURE') THEN
                EXECUTE pg_catalog.format('GRANT EXECUTE ON %s %s TO PUBLIC', granted.kind, granted.name);
            ELSIF granted.kind = 'TYPE' THEN
                EXECUTE pg_catalog.format('GRANT USAGE ON TYPE %s TO PUBLIC', granted.name);
            END IF;
        EXCEPTION WHEN OTHERS THEN
            RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = pg_catalog.format('the privileges of %s %s cannot be reset: %s',
                pg_catalog.lower(granted.kind), granted.name, SQLERRM);
        END;
    END LOOP;
END
