-- schemastamp snapshot, format 2
-- server: PostgreSQL 15, in the wording of pg_dump 18
-- objects: 44 tables, 5 views, 1 materialized view, 19 sequences, 15 indexes, 12 functions, 1 procedure, 1 aggregate, 1 operator, 5 types, 3 domains, 1 statistics, 10 triggers, 1 rule, 4 policies, 93 constraints
-- versions: schema_migrations: 28 rows, last 20240129000000
-- seed: plans
-- fingerprint: ea98c46746027bac1699e1c0f6cb5e2e894c3814764e2adeed7953d837c8e381
-- sha256: 4b0676f2564932db2f9a3110b97c64221425103b903bc3a82f8c0f7586c81d5a

CREATE SCHEMA #{prefix};

ALTER SCHEMA #{prefix} OWNER TO postgres;

COMMENT ON SCHEMA #{prefix} IS 'One customer of the billing application';

-- type amount
CREATE TYPE #{prefix}.amount AS (
	cents bigint,
	currency character(3)
);

ALTER TYPE #{prefix}.amount OWNER TO postgres;

-- domain email
CREATE DOMAIN #{prefix}.email AS extensions.citext
	CONSTRAINT email_check CHECK ((VALUE OPERATOR(extensions.~) '^[^@\s]+@[^@\s]+$'::extensions.citext));

ALTER DOMAIN #{prefix}.email OWNER TO postgres;

-- type invoice_status
CREATE TYPE #{prefix}.invoice_status AS ENUM (
    'draft',
    'open',
    'paid',
    'void',
    'written off'
);

ALTER TYPE #{prefix}.invoice_status OWNER TO postgres;

-- type member_role
CREATE TYPE #{prefix}.member_role AS ENUM (
    'owner',
    'admin',
    'member',
    'guest'
);

ALTER TYPE #{prefix}.member_role OWNER TO postgres;

COMMENT ON TYPE #{prefix}.member_role IS 'What a person may do in a team; see tenant_demo.team_members';

-- type payment_state
CREATE TYPE #{prefix}.payment_state AS ENUM (
    'pending',
    'succeeded',
    'failed',
    'it''s complicated'
);

ALTER TYPE #{prefix}.payment_state OWNER TO postgres;

-- domain percentage
CREATE DOMAIN #{prefix}.percentage AS numeric(5,2) DEFAULT 0
	CONSTRAINT between_0_and_100 CHECK (((VALUE >= (0)::numeric) AND (VALUE <= (100)::numeric)));

ALTER DOMAIN #{prefix}.percentage OWNER TO postgres;

COMMENT ON DOMAIN #{prefix}.percentage IS '0 to 100, two decimals';

-- type price_range
CREATE TYPE #{prefix}.price_range AS RANGE (
    subtype = numeric,
    multirange_type_name = #{prefix}.price_multirange
);

ALTER TYPE #{prefix}.price_range OWNER TO postgres;

-- domain slug
CREATE DOMAIN #{prefix}.slug AS text NOT NULL
	CONSTRAINT slug_check CHECK ((VALUE ~ '^[a-z0-9]+(-[a-z0-9]+)*$'::text));

ALTER DOMAIN #{prefix}.slug OWNER TO postgres;

-- function add_amount(total amount, next amount)
CREATE FUNCTION #{prefix}.add_amount(total #{prefix}.amount, next #{prefix}.amount) RETURNS #{prefix}.amount
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT CASE WHEN total IS NULL THEN next
                    ELSE ROW(total.cents + next.cents, next.currency)::#{prefix}.amount END $$;

ALTER FUNCTION #{prefix}.add_amount(total #{prefix}.amount, next #{prefix}.amount) OWNER TO postgres;

-- function audit_row()
CREATE FUNCTION #{prefix}.audit_row() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO '#{prefix}', 'pg_temp'
    AS $$
DECLARE
  hidden text[] := coalesce(TG_ARGV, '{}');
  was jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) - hidden END;
  is_now jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) - hidden END;
BEGIN
  INSERT INTO audit_log (table_name, operation, hidden_columns, before, after)
  VALUES (TG_TABLE_NAME, TG_OP, hidden, was, is_now);
  RETURN NULL;
END
$$;

ALTER FUNCTION #{prefix}.audit_row() OWNER TO postgres;

-- procedure close_month(IN month date, INOUT closed integer)
CREATE PROCEDURE #{prefix}.close_month(IN month date, INOUT closed integer DEFAULT 0)
    LANGUAGE plpgsql
    AS $$
BEGIN
  UPDATE #{prefix}.invoices
     SET status = 'open', issued_on = month, due_on = month + 30
   WHERE status = 'draft' AND created_at < month + interval '1 month';
  GET DIAGNOSTICS closed = ROW_COUNT;
  REFRESH MATERIALIZED VIEW #{prefix}.revenue_by_month;
END
$$;

ALTER PROCEDURE #{prefix}.close_month(IN month date, INOUT closed integer) OWNER TO postgres;

-- function current_user_id()
CREATE FUNCTION #{prefix}.current_user_id() RETURNS bigint
    LANGUAGE sql STABLE
    AS $$ SELECT nullif(current_setting('billing.user_id', true), '')::bigint $$;

ALTER FUNCTION #{prefix}.current_user_id() OWNER TO postgres;

-- table invoice_lines
CREATE TABLE #{prefix}.invoice_lines (
    invoice_id bigint NOT NULL,
    line integer NOT NULL,
    product_id bigint,
    description text NOT NULL,
    quantity numeric(12,3) DEFAULT 1 NOT NULL,
    unit_cents bigint NOT NULL,
    tax #{prefix}.percentage,
    net_cents bigint GENERATED ALWAYS AS (round((quantity * (unit_cents)::numeric))) STORED
);

ALTER TABLE #{prefix}.invoice_lines OWNER TO postgres;

-- function invoice_gross(invoice bigint)
CREATE FUNCTION #{prefix}.invoice_gross(invoice bigint) RETURNS numeric
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT COALESCE(sum(round(((l.net_cents)::numeric * ((1)::numeric + (COALESCE((l.tax)::numeric, (0)::numeric) / (100)::numeric))))), (0)::numeric) AS "coalesce"
    FROM #{prefix}.invoice_lines l
   WHERE (l.invoice_id = invoice_gross.invoice);
END;

ALTER FUNCTION #{prefix}.invoice_gross(invoice bigint) OWNER TO postgres;

-- function invoice_net(invoice bigint)
CREATE FUNCTION #{prefix}.invoice_net(invoice bigint) RETURNS bigint
    LANGUAGE sql STABLE
    AS $$SELECT coalesce(sum(net_cents), 0)::bigint FROM #{prefix}.invoice_lines WHERE invoice_id = invoice$$;

ALTER FUNCTION #{prefix}.invoice_net(invoice bigint) OWNER TO postgres;

-- function labels(VARIADIC statuses invoice_status[])
CREATE FUNCTION #{prefix}.labels(VARIADIC statuses #{prefix}.invoice_status[] DEFAULT '{open,"written off"}'::#{prefix}.invoice_status[]) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT array_to_string(statuses, ', ') $$;

ALTER FUNCTION #{prefix}.labels(VARIADIC statuses #{prefix}.invoice_status[]) OWNER TO postgres;

-- function log_deletions()
CREATE FUNCTION #{prefix}.log_deletions() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  INSERT INTO #{prefix}.audit_log (table_name, operation, before)
  SELECT TG_TABLE_NAME, 'bulk delete', to_jsonb(gone) FROM gone;
  RETURN NULL;
END
$$;

ALTER FUNCTION #{prefix}.log_deletions() OWNER TO postgres;

-- function open_invoices(customer bigint, OUT number text, OUT gross numeric)
CREATE FUNCTION #{prefix}.open_invoices(customer bigint, OUT number text, OUT gross numeric) RETURNS SETOF record
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO '#{prefix}', 'pg_temp'
    AS $_$
DECLARE
  hint text := $q$void, or 'written off'$q$;
BEGIN
  RETURN QUERY
    SELECT i.number, invoice_gross(i.id)
      FROM invoices AS i
     WHERE i.customer_id = customer AND i.status = 'open'  /* not draft, not $q$void$q$ */
     ORDER BY i.due_on;
  IF NOT FOUND THEN
    RAISE NOTICE 'customer %: nothing open (%)', customer, hint;
  END IF;
END
$_$;

ALTER FUNCTION #{prefix}.open_invoices(customer bigint, OUT number text, OUT gross numeric) OWNER TO postgres;

-- function rename_customer()
CREATE FUNCTION #{prefix}.rename_customer() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  UPDATE #{prefix}.customers SET name = NEW.name WHERE id = OLD.id;
  RETURN NEW;
END
$$;

ALTER FUNCTION #{prefix}.rename_customer() OWNER TO postgres;

-- function same_currency(a amount, b amount)
CREATE FUNCTION #{prefix}.same_currency(a #{prefix}.amount, b #{prefix}.amount) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT a.currency = b.currency $$;

ALTER FUNCTION #{prefix}.same_currency(a #{prefix}.amount, b #{prefix}.amount) OWNER TO postgres;

-- function slugify(title text)
CREATE FUNCTION #{prefix}.slugify(title text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT trim(BOTH '-' FROM regexp_replace(lower(title), '[^a-z0-9]+', '-', 'g')) $$;

ALTER FUNCTION #{prefix}.slugify(title text) OWNER TO postgres;

-- function touch_updated_at()
CREATE FUNCTION #{prefix}.touch_updated_at() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  -- Only real changes count; "UPDATE … SET a = a" does not.
  IF NEW IS DISTINCT FROM OLD THEN
    NEW.updated_at := clock_timestamp();
  END IF;
  RETURN NEW;
END
$$;

ALTER FUNCTION #{prefix}.touch_updated_at() OWNER TO postgres;

-- aggregate total(amount)
CREATE AGGREGATE #{prefix}.total(#{prefix}.amount) (
    SFUNC = #{prefix}.add_amount,
    STYPE = #{prefix}.amount
);

ALTER AGGREGATE #{prefix}.total(#{prefix}.amount) OWNER TO postgres;

COMMENT ON AGGREGATE #{prefix}.total(#{prefix}.amount) IS 'All of one currency';

-- operator ~~~
CREATE OPERATOR #{prefix}.~~~ (
    FUNCTION = #{prefix}.same_currency,
    LEFTARG = #{prefix}.amount,
    RIGHTARG = #{prefix}.amount,
    COMMUTATOR = OPERATOR(#{prefix}.~~~)
);

ALTER OPERATOR #{prefix}.~~~ (#{prefix}.amount, #{prefix}.amount) OWNER TO postgres;

-- table accounts
CREATE TABLE #{prefix}.accounts (
    id bigint NOT NULL,
    name text NOT NULL,
    slug text GENERATED ALWAYS AS (#{prefix}.slugify(name)) STORED,
    plan_id smallint DEFAULT 1 NOT NULL,
    currency character(3) DEFAULT 'EUR'::bpchar NOT NULL,
    billing_email #{prefix}.email,
    trial_ends_on date DEFAULT (CURRENT_DATE + 14),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE #{prefix}.accounts OWNER TO postgres;

COMMENT ON COLUMN #{prefix}.accounts.slug IS 'Made from the name by slugify().
Never set by hand.';

ALTER TABLE #{prefix}.accounts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME #{prefix}.accounts_id_seq
    START WITH 1000
    INCREMENT BY 10
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- table users
CREATE TABLE #{prefix}.users (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    email #{prefix}.email NOT NULL,
    full_name text NOT NULL,
    password_hash text,
    last_seen_at timestamp with time zone,
    locale text DEFAULT 'en'::text NOT NULL COLLATE pg_catalog."C",
    is_active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT users_full_name_check CHECK (((length(full_name) >= 1) AND (length(full_name) <= 200)))
);

ALTER TABLE #{prefix}.users OWNER TO postgres;

-- view active_users
CREATE VIEW #{prefix}.active_users WITH (security_barrier='true') AS
 SELECT users.id,
    users.email,
    users.full_name,
    accounts.name AS account
   FROM (#{prefix}.users
     JOIN #{prefix}.accounts ON ((accounts.id = users.account_id)))
  WHERE users.is_active;

ALTER VIEW #{prefix}.active_users OWNER TO postgres;

COMMENT ON VIEW #{prefix}.active_users IS 'Who may log in';

-- table addresses
CREATE TABLE #{prefix}.addresses (
    id bigint NOT NULL,
    lines text[] NOT NULL,
    postal_code text,
    city text NOT NULL,
    country character(2) NOT NULL,
    CONSTRAINT addresses_lines_check CHECK ((cardinality(lines) > 0))
);

ALTER TABLE #{prefix}.addresses OWNER TO postgres;

-- sequence addresses_id_seq
CREATE SEQUENCE #{prefix}.addresses_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE #{prefix}.addresses_id_seq OWNER TO postgres;

ALTER SEQUENCE #{prefix}.addresses_id_seq OWNED BY #{prefix}.addresses.id;

-- table api_keys
CREATE TABLE #{prefix}.api_keys (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    name text NOT NULL,
    digest bytea DEFAULT '\x00'::bytea NOT NULL,
    scopes text[] DEFAULT '{read,"read; write"}'::text[] NOT NULL
);

ALTER TABLE #{prefix}.api_keys OWNER TO postgres;

ALTER TABLE #{prefix}.api_keys ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME #{prefix}.api_keys_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- table audit_log
CREATE TABLE #{prefix}.audit_log (
    id bigint NOT NULL,
    happened_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    user_id bigint DEFAULT #{prefix}.current_user_id(),
    table_name name NOT NULL,
    operation text NOT NULL,
    hidden_columns text[] DEFAULT '{}'::text[] NOT NULL,
    before jsonb,
    after jsonb
)
WITH (fillfactor='100', autovacuum_vacuum_scale_factor='0.05');

ALTER TABLE #{prefix}.audit_log OWNER TO postgres;

ALTER TABLE #{prefix}.audit_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME #{prefix}.audit_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- table contacts
CREATE TABLE #{prefix}.contacts (
    id bigint NOT NULL,
    customer_id bigint NOT NULL,
    full_name text NOT NULL,
    email #{prefix}.email,
    phone text,
    CONSTRAINT contacts_phone_check CHECK ((phone ~ '^\+?[0-9 ()/-]+$'::text))
);

ALTER TABLE #{prefix}.contacts OWNER TO postgres;

-- sequence contacts_id_seq
CREATE SEQUENCE #{prefix}.contacts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE #{prefix}.contacts_id_seq OWNER TO postgres;

ALTER SEQUENCE #{prefix}.contacts_id_seq OWNED BY #{prefix}.contacts.id;

-- table coupon_redemptions
CREATE TABLE #{prefix}.coupon_redemptions (
    coupon text NOT NULL,
    customer_id bigint NOT NULL,
    redeemed_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE #{prefix}.coupon_redemptions OWNER TO postgres;

-- table coupons
CREATE TABLE #{prefix}.coupons (
    code text NOT NULL,
    discount #{prefix}.percentage NOT NULL,
    redeem_by date,
    max_redemptions integer
);

ALTER TABLE #{prefix}.coupons OWNER TO postgres;

-- table credit_notes
CREATE TABLE #{prefix}.credit_notes (
    id bigint NOT NULL,
    invoice_id bigint NOT NULL,
    cents bigint NOT NULL,
    issued_on date DEFAULT CURRENT_DATE NOT NULL,
    CONSTRAINT credit_notes_cents_check CHECK ((cents > 0))
);

ALTER TABLE #{prefix}.credit_notes OWNER TO postgres;

-- sequence credit_notes_id_seq
CREATE SEQUENCE #{prefix}.credit_notes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE #{prefix}.credit_notes_id_seq OWNER TO postgres;

ALTER SEQUENCE #{prefix}.credit_notes_id_seq OWNED BY #{prefix}.credit_notes.id;

-- table customers
CREATE TABLE #{prefix}.customers (
    id bigint NOT NULL,
    number text NOT NULL,
    name text NOT NULL,
    email #{prefix}.email,
    billing_address_id bigint,
    shipping_address_id bigint,
    search tsvector GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, ((name || ' '::text) || number))) STORED,
    balance #{prefix}.amount,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE #{prefix}.customers OWNER TO postgres;

-- view customer_list
CREATE VIEW #{prefix}.customer_list AS
 SELECT customers.id,
    customers.number,
    customers.name
   FROM #{prefix}.customers
  WITH LOCAL CHECK OPTION;

ALTER VIEW #{prefix}.customer_list OWNER TO postgres;

-- view customer_names
CREATE VIEW #{prefix}.customer_names AS
SELECT
    NULL::bigint AS id,
    NULL::text AS name;

ALTER VIEW #{prefix}.customer_names OWNER TO postgres;

ALTER TABLE #{prefix}.customers ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME #{prefix}.customers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- table document_versions
CREATE TABLE #{prefix}.document_versions (
    document_id uuid NOT NULL,
    version integer NOT NULL,
    content bytea
);

ALTER TABLE ONLY #{prefix}.document_versions ALTER COLUMN content SET STORAGE EXTERNAL;

ALTER TABLE #{prefix}.document_versions OWNER TO postgres;

-- table documents
CREATE TABLE #{prefix}.documents (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    invoice_id bigint,
    title text NOT NULL
);

ALTER TABLE #{prefix}.documents OWNER TO postgres;

-- table email_templates
CREATE TABLE #{prefix}.email_templates (
    name text NOT NULL,
    locale text DEFAULT 'en'::text NOT NULL,
    subject text NOT NULL,
    body text DEFAULT 'Dear {{name}},

  please find your invoice {{number}} attached. -- The team
'::text NOT NULL
);

ALTER TABLE #{prefix}.email_templates OWNER TO postgres;

-- table feature_flags
CREATE TABLE #{prefix}.feature_flags (
    id integer NOT NULL,
    flag text NOT NULL,
    enabled boolean DEFAULT false NOT NULL,
    rollout #{prefix}.percentage
);

ALTER TABLE #{prefix}.feature_flags OWNER TO postgres;

ALTER TABLE #{prefix}.feature_flags ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME #{prefix}.feature_flags_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- table invitations
CREATE TABLE #{prefix}.invitations (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    email #{prefix}.email NOT NULL,
    role #{prefix}.member_role DEFAULT 'guest'::#{prefix}.member_role NOT NULL,
    accepted_at timestamp with time zone
);

ALTER TABLE #{prefix}.invitations OWNER TO postgres;

ALTER TABLE #{prefix}.invitations ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME #{prefix}.invitations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- sequence invoice_numbers
CREATE SEQUENCE #{prefix}.invoice_numbers
    START WITH 10001
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE #{prefix}.invoice_numbers OWNER TO postgres;

COMMENT ON SEQUENCE #{prefix}.invoice_numbers IS 'Without gaps as far as a sequence can';

-- table invoices
CREATE TABLE #{prefix}.invoices (
    id bigint NOT NULL,
    number text DEFAULT ('INV-'::text || nextval('#{prefix}.invoice_numbers'::regclass)) NOT NULL,
    customer_id bigint NOT NULL,
    subscription_id bigint,
    status #{prefix}.invoice_status DEFAULT 'draft'::#{prefix}.invoice_status NOT NULL,
    currency character(3) DEFAULT 'EUR'::bpchar NOT NULL,
    issued_on date,
    due_on date,
    notes text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT open_invoices_have_dates CHECK (((status = 'draft'::#{prefix}.invoice_status) OR ((issued_on IS NOT NULL) AND (due_on IS NOT NULL))))
);

ALTER TABLE #{prefix}.invoices OWNER TO postgres;

-- view invoice_totals
CREATE VIEW #{prefix}.invoice_totals AS
 SELECT i.id,
    i.number,
    i.customer_id,
    i.subscription_id,
    i.status,
    i.currency,
    i.issued_on,
    i.due_on,
    i.notes,
    i.created_at,
    i.updated_at,
    #{prefix}.invoice_net(i.id) AS net,
    #{prefix}.invoice_gross(i.id) AS gross,
    c.name AS customer
   FROM (#{prefix}.invoices i
     JOIN #{prefix}.customers c ON ((c.id = i.customer_id)));

ALTER VIEW #{prefix}.invoice_totals OWNER TO postgres;

-- sequence invoices_id_seq
CREATE SEQUENCE #{prefix}.invoices_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE #{prefix}.invoices_id_seq OWNER TO postgres;

ALTER SEQUENCE #{prefix}.invoices_id_seq OWNED BY #{prefix}.invoices.id;

-- table jobs
CREATE UNLOGGED TABLE #{prefix}.jobs (
    id bigint NOT NULL,
    queue text DEFAULT 'default'::text NOT NULL,
    payload jsonb NOT NULL,
    run_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts smallint DEFAULT 0 NOT NULL,
    locked_by text,
    CONSTRAINT jobs_attempts_check CHECK ((attempts >= 0))
);

ALTER TABLE #{prefix}.jobs OWNER TO postgres;

-- sequence jobs_id_seq
CREATE UNLOGGED SEQUENCE #{prefix}.jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE #{prefix}.jobs_id_seq OWNER TO postgres;

ALTER SEQUENCE #{prefix}.jobs_id_seq OWNED BY #{prefix}.jobs.id;

-- table notifications
CREATE TABLE #{prefix}.notifications (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    body text NOT NULL,
    read_at timestamp with time zone
);

ALTER TABLE #{prefix}.notifications OWNER TO postgres;

-- sequence notifications_id_seq
CREATE SEQUENCE #{prefix}.notifications_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE #{prefix}.notifications_id_seq OWNER TO postgres;

ALTER SEQUENCE #{prefix}.notifications_id_seq OWNED BY #{prefix}.notifications.id;

-- table order
CREATE TABLE #{prefix}."order" (
    "user" bigint NOT NULL,
    "Group" text,
    "position" integer NOT NULL
);

ALTER TABLE #{prefix}."order" OWNER TO postgres;

COMMENT ON TABLE #{prefix}."order" IS 'In which order somebody wants to see the groups of the menu';

-- view overdue
CREATE VIEW #{prefix}.overdue AS
 WITH RECURSIVE weeks(week, starts) AS (
         SELECT 0 AS "?column?",
            CURRENT_DATE AS "current_date"
        UNION ALL
         SELECT (weeks_1.week + 1),
            (weeks_1.starts - 7)
           FROM weeks weeks_1
          WHERE (weeks_1.week < 3)
        )
 SELECT weeks.week,
    count(t.id) AS invoices,
    #{prefix}.total(ROW((t.gross)::bigint, t.currency)::#{prefix}.amount) AS owed
   FROM (weeks
     LEFT JOIN #{prefix}.invoice_totals t ON (((t.status = 'open'::#{prefix}.invoice_status) AND (t.due_on <= weeks.starts))))
  GROUP BY weeks.week;

ALTER VIEW #{prefix}.overdue OWNER TO postgres;

-- table payment_methods
CREATE TABLE #{prefix}.payment_methods (
    id bigint NOT NULL,
    customer_id bigint NOT NULL,
    kind text NOT NULL,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    is_default boolean DEFAULT false NOT NULL,
    CONSTRAINT payment_methods_kind_check CHECK ((kind = ANY (ARRAY['card'::text, 'sepa'::text, 'transfer'::text])))
);

ALTER TABLE #{prefix}.payment_methods OWNER TO postgres;

-- sequence payment_methods_id_seq
CREATE SEQUENCE #{prefix}.payment_methods_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE #{prefix}.payment_methods_id_seq OWNER TO postgres;

ALTER SEQUENCE #{prefix}.payment_methods_id_seq OWNED BY #{prefix}.payment_methods.id;

-- table payments
CREATE TABLE #{prefix}.payments (
    id bigint NOT NULL,
    invoice_id bigint NOT NULL,
    method_id bigint,
    paid #{prefix}.amount NOT NULL,
    state #{prefix}.payment_state DEFAULT 'pending'::#{prefix}.payment_state NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT currency_is_known CHECK ((paid OPERATOR(#{prefix}.~~~) ROW((0)::bigint, (paid).currency)::#{prefix}.amount))
);

ALTER TABLE #{prefix}.payments OWNER TO postgres;

-- sequence payments_id_seq
CREATE SEQUENCE #{prefix}.payments_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE #{prefix}.payments_id_seq OWNER TO postgres;

ALTER SEQUENCE #{prefix}.payments_id_seq OWNED BY #{prefix}.payments.id;

-- table plans
CREATE TABLE #{prefix}.plans (
    id smallint NOT NULL,
    code #{prefix}.slug,
    title text NOT NULL,
    price #{prefix}.amount,
    limits jsonb DEFAULT '{"users": 1}'::jsonb NOT NULL
);

ALTER TABLE #{prefix}.plans OWNER TO postgres;

COMMENT ON TABLE #{prefix}.plans IS 'The plans on offer; the same rows for every tenant';

-- table product_prices
CREATE TABLE #{prefix}.product_prices (
    product_id bigint NOT NULL,
    currency character(3) NOT NULL,
    cents bigint NOT NULL,
    quantities #{prefix}.price_range DEFAULT '[1,)'::#{prefix}.price_range NOT NULL,
    CONSTRAINT product_prices_cents_check CHECK ((cents >= 0))
);

ALTER TABLE #{prefix}.product_prices OWNER TO postgres;

-- table products
CREATE TABLE #{prefix}.products (
    id bigint NOT NULL,
    sku #{prefix}.slug,
    title text NOT NULL,
    description text DEFAULT 'No description; -- yet'::text,
    attributes jsonb DEFAULT '{}'::jsonb NOT NULL
);

ALTER TABLE #{prefix}.products OWNER TO postgres;

-- sequence products_id_seq
CREATE SEQUENCE #{prefix}.products_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE #{prefix}.products_id_seq OWNER TO postgres;

ALTER SEQUENCE #{prefix}.products_id_seq OWNED BY #{prefix}.products.id;

-- table projects
CREATE TABLE #{prefix}.projects (
    id bigint NOT NULL,
    customer_id bigint NOT NULL,
    title text NOT NULL,
    budget #{prefix}.price_range
);

ALTER TABLE #{prefix}.projects OWNER TO postgres;

-- sequence projects_id_seq
CREATE SEQUENCE #{prefix}.projects_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE #{prefix}.projects_id_seq OWNER TO postgres;

ALTER SEQUENCE #{prefix}.projects_id_seq OWNED BY #{prefix}.projects.id;

-- table refunds
CREATE TABLE #{prefix}.refunds (
    id bigint NOT NULL,
    payment_id bigint NOT NULL,
    refunded #{prefix}.amount NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    CONSTRAINT refund_is_positive CHECK (((refunded).cents > 0))
);

ALTER TABLE #{prefix}.refunds OWNER TO postgres;

-- sequence refunds_id_seq
CREATE SEQUENCE #{prefix}.refunds_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE #{prefix}.refunds_id_seq OWNER TO postgres;

ALTER SEQUENCE #{prefix}.refunds_id_seq OWNED BY #{prefix}.refunds.id;

-- materialized view revenue_by_month
CREATE MATERIALIZED VIEW #{prefix}.revenue_by_month AS
 SELECT (date_trunc('month'::text, (invoices.issued_on)::timestamp with time zone))::date AS month,
    invoices.currency,
    sum(#{prefix}.invoice_net(invoices.id)) AS net_cents
   FROM #{prefix}.invoices
  WHERE (invoices.status = ANY (ARRAY['open'::#{prefix}.invoice_status, 'paid'::#{prefix}.invoice_status]))
  GROUP BY ((date_trunc('month'::text, (invoices.issued_on)::timestamp with time zone))::date), invoices.currency
  WITH NO DATA;

ALTER MATERIALIZED VIEW #{prefix}.revenue_by_month OWNER TO postgres;

-- table schema_migrations
CREATE TABLE #{prefix}.schema_migrations (
    version bigint NOT NULL,
    inserted_at timestamp(0) without time zone
);

ALTER TABLE #{prefix}.schema_migrations OWNER TO postgres;

-- table settings
CREATE TABLE #{prefix}.settings (
    name text NOT NULL,
    value jsonb DEFAULT '{}'::jsonb NOT NULL,
    description text
);

ALTER TABLE #{prefix}.settings OWNER TO billing_owner;

-- table subscription_items
CREATE TABLE #{prefix}.subscription_items (
    subscription_id bigint NOT NULL,
    line integer NOT NULL,
    product_id bigint NOT NULL,
    quantity numeric DEFAULT 1 NOT NULL
);

ALTER TABLE #{prefix}.subscription_items OWNER TO postgres;

-- table subscriptions
CREATE TABLE #{prefix}.subscriptions (
    id bigint NOT NULL,
    customer_id bigint NOT NULL,
    coupon text,
    period interval DEFAULT '1 mon'::interval NOT NULL,
    started_on date DEFAULT CURRENT_DATE NOT NULL,
    ended_on date,
    CONSTRAINT subscriptions_check CHECK (((ended_on IS NULL) OR (ended_on >= started_on)))
);

ALTER TABLE #{prefix}.subscriptions OWNER TO postgres;

-- sequence subscriptions_id_seq
CREATE SEQUENCE #{prefix}.subscriptions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE #{prefix}.subscriptions_id_seq OWNER TO postgres;

ALTER SEQUENCE #{prefix}.subscriptions_id_seq OWNED BY #{prefix}.subscriptions.id;

-- table taggings
CREATE TABLE #{prefix}.taggings (
    tag_id integer NOT NULL,
    customer_id bigint NOT NULL
);

ALTER TABLE #{prefix}.taggings OWNER TO postgres;

-- table tags
CREATE TABLE #{prefix}.tags (
    id integer NOT NULL,
    label extensions.citext NOT NULL,
    color character(7) DEFAULT '#808080'::bpchar NOT NULL
);

ALTER TABLE #{prefix}.tags OWNER TO postgres;

-- sequence tags_id_seq
CREATE SEQUENCE #{prefix}.tags_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE #{prefix}.tags_id_seq OWNER TO postgres;

ALTER SEQUENCE #{prefix}.tags_id_seq OWNED BY #{prefix}.tags.id;

-- table tax_rates
CREATE TABLE #{prefix}.tax_rates (
    id integer NOT NULL,
    country character(2) NOT NULL,
    rate #{prefix}.percentage NOT NULL,
    valid daterange DEFAULT daterange(CURRENT_DATE, NULL::date) NOT NULL
);

ALTER TABLE #{prefix}.tax_rates OWNER TO postgres;

-- sequence tax_rates_id_seq
CREATE SEQUENCE #{prefix}.tax_rates_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE #{prefix}.tax_rates_id_seq OWNER TO postgres;

ALTER SEQUENCE #{prefix}.tax_rates_id_seq OWNED BY #{prefix}.tax_rates.id;

-- table team_members
CREATE TABLE #{prefix}.team_members (
    team_id integer NOT NULL,
    user_id bigint NOT NULL,
    role #{prefix}.member_role DEFAULT 'member'::#{prefix}.member_role NOT NULL,
    since date DEFAULT CURRENT_DATE NOT NULL
);

ALTER TABLE #{prefix}.team_members OWNER TO postgres;

-- table teams
CREATE TABLE #{prefix}.teams (
    id integer NOT NULL,
    account_id bigint NOT NULL,
    name text NOT NULL,
    parent_id integer
);

ALTER TABLE #{prefix}.teams OWNER TO postgres;

-- sequence teams_id_seq
CREATE SEQUENCE #{prefix}.teams_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE #{prefix}.teams_id_seq OWNER TO postgres;

ALTER SEQUENCE #{prefix}.teams_id_seq OWNED BY #{prefix}.teams.id;

-- table time_entries
CREATE TABLE #{prefix}.time_entries (
    id bigint NOT NULL,
    project_id bigint NOT NULL,
    user_id bigint NOT NULL,
    during tstzrange NOT NULL,
    note text,
    CONSTRAINT time_entries_during_check CHECK ((NOT isempty(during)))
);

ALTER TABLE ONLY #{prefix}.time_entries FORCE ROW LEVEL SECURITY;

ALTER TABLE #{prefix}.time_entries OWNER TO postgres;

-- sequence time_entries_id_seq
CREATE SEQUENCE #{prefix}.time_entries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE #{prefix}.time_entries_id_seq OWNER TO postgres;

ALTER SEQUENCE #{prefix}.time_entries_id_seq OWNED BY #{prefix}.time_entries.id;

-- table usage_events
CREATE TABLE #{prefix}.usage_events (
    id bigint NOT NULL,
    subscription_id bigint NOT NULL,
    happened_at timestamp with time zone NOT NULL,
    quantity numeric DEFAULT 1 NOT NULL,
    details jsonb
)
PARTITION BY RANGE (happened_at);

ALTER TABLE #{prefix}.usage_events OWNER TO postgres;

-- table usage_events_2026_01
CREATE TABLE #{prefix}.usage_events_2026_01 (
    id bigint NOT NULL,
    subscription_id bigint NOT NULL,
    happened_at timestamp with time zone NOT NULL,
    quantity numeric DEFAULT 1 NOT NULL,
    details jsonb
);

ALTER TABLE #{prefix}.usage_events_2026_01 OWNER TO postgres;

-- table usage_events_2026_02
CREATE TABLE #{prefix}.usage_events_2026_02 (
    id bigint NOT NULL,
    subscription_id bigint NOT NULL,
    happened_at timestamp with time zone NOT NULL,
    quantity numeric DEFAULT 1 NOT NULL,
    details jsonb
);

ALTER TABLE #{prefix}.usage_events_2026_02 OWNER TO postgres;

ALTER TABLE #{prefix}.usage_events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME #{prefix}.usage_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- table usage_events_other
CREATE TABLE #{prefix}.usage_events_other (
    id bigint NOT NULL,
    subscription_id bigint NOT NULL,
    happened_at timestamp with time zone NOT NULL,
    quantity numeric DEFAULT 1 NOT NULL,
    details jsonb
);

ALTER TABLE #{prefix}.usage_events_other OWNER TO postgres;

-- table user_sessions
CREATE TABLE #{prefix}.user_sessions (
    token uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id bigint NOT NULL,
    ip inet,
    user_agent text,
    expires_at timestamp with time zone DEFAULT (now() + '30 days'::interval) NOT NULL
);

ALTER TABLE #{prefix}.user_sessions OWNER TO postgres;

-- sequence users_id_seq
CREATE SEQUENCE #{prefix}.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE #{prefix}.users_id_seq OWNER TO postgres;

ALTER SEQUENCE #{prefix}.users_id_seq OWNED BY #{prefix}.users.id;

-- table webhook_deliveries
CREATE TABLE #{prefix}.webhook_deliveries (
    webhook_id bigint NOT NULL,
    attempt integer NOT NULL,
    sent_at timestamp with time zone DEFAULT now() NOT NULL,
    response smallint
);

ALTER TABLE #{prefix}.webhook_deliveries OWNER TO postgres;

-- table webhooks
CREATE TABLE #{prefix}.webhooks (
    id bigint NOT NULL,
    url text NOT NULL,
    events text[] DEFAULT ARRAY['invoice.paid'::text, 'invoice.void'::text] NOT NULL,
    secret text DEFAULT md5((random())::text) NOT NULL,
    CONSTRAINT webhooks_url_check CHECK ((url ~~ 'https://%'::text))
);

ALTER TABLE #{prefix}.webhooks OWNER TO postgres;

-- sequence webhooks_id_seq
CREATE SEQUENCE #{prefix}.webhooks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE #{prefix}.webhooks_id_seq OWNER TO postgres;

ALTER SEQUENCE #{prefix}.webhooks_id_seq OWNED BY #{prefix}.webhooks.id;

ALTER TABLE ONLY #{prefix}.usage_events ATTACH PARTITION #{prefix}.usage_events_2026_01 FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-02-01 00:00:00+00');

ALTER TABLE ONLY #{prefix}.usage_events ATTACH PARTITION #{prefix}.usage_events_2026_02 FOR VALUES FROM ('2026-02-01 00:00:00+00') TO ('2026-03-01 00:00:00+00');

ALTER TABLE ONLY #{prefix}.usage_events ATTACH PARTITION #{prefix}.usage_events_other DEFAULT;

ALTER TABLE ONLY #{prefix}.addresses ALTER COLUMN id SET DEFAULT nextval('#{prefix}.addresses_id_seq'::regclass);

ALTER TABLE ONLY #{prefix}.contacts ALTER COLUMN id SET DEFAULT nextval('#{prefix}.contacts_id_seq'::regclass);

ALTER TABLE ONLY #{prefix}.credit_notes ALTER COLUMN id SET DEFAULT nextval('#{prefix}.credit_notes_id_seq'::regclass);

ALTER TABLE ONLY #{prefix}.invoices ALTER COLUMN id SET DEFAULT nextval('#{prefix}.invoices_id_seq'::regclass);

ALTER TABLE ONLY #{prefix}.jobs ALTER COLUMN id SET DEFAULT nextval('#{prefix}.jobs_id_seq'::regclass);

ALTER TABLE ONLY #{prefix}.notifications ALTER COLUMN id SET DEFAULT nextval('#{prefix}.notifications_id_seq'::regclass);

ALTER TABLE ONLY #{prefix}.payment_methods ALTER COLUMN id SET DEFAULT nextval('#{prefix}.payment_methods_id_seq'::regclass);

ALTER TABLE ONLY #{prefix}.payments ALTER COLUMN id SET DEFAULT nextval('#{prefix}.payments_id_seq'::regclass);

ALTER TABLE ONLY #{prefix}.products ALTER COLUMN id SET DEFAULT nextval('#{prefix}.products_id_seq'::regclass);

ALTER TABLE ONLY #{prefix}.projects ALTER COLUMN id SET DEFAULT nextval('#{prefix}.projects_id_seq'::regclass);

ALTER TABLE ONLY #{prefix}.refunds ALTER COLUMN id SET DEFAULT nextval('#{prefix}.refunds_id_seq'::regclass);

ALTER TABLE ONLY #{prefix}.subscriptions ALTER COLUMN id SET DEFAULT nextval('#{prefix}.subscriptions_id_seq'::regclass);

ALTER TABLE ONLY #{prefix}.tags ALTER COLUMN id SET DEFAULT nextval('#{prefix}.tags_id_seq'::regclass);

ALTER TABLE ONLY #{prefix}.tax_rates ALTER COLUMN id SET DEFAULT nextval('#{prefix}.tax_rates_id_seq'::regclass);

ALTER TABLE ONLY #{prefix}.teams ALTER COLUMN id SET DEFAULT nextval('#{prefix}.teams_id_seq'::regclass);

ALTER TABLE ONLY #{prefix}.time_entries ALTER COLUMN id SET DEFAULT nextval('#{prefix}.time_entries_id_seq'::regclass);

ALTER TABLE ONLY #{prefix}.users ALTER COLUMN id SET DEFAULT nextval('#{prefix}.users_id_seq'::regclass);

ALTER TABLE ONLY #{prefix}.webhooks ALTER COLUMN id SET DEFAULT nextval('#{prefix}.webhooks_id_seq'::regclass);

SELECT pg_catalog.set_config('search_path', '#{prefix}, public', true);

-- rows of schema_migrations
INSERT INTO #{prefix}.schema_migrations (version, inserted_at) VALUES
    ('20240102000000', '2024-01-02 00:00:00'),
    ('20240103000000', '2024-01-03 00:00:00'),
    ('20240104000000', '2024-01-04 00:00:00'),
    ('20240105000000', '2024-01-05 00:00:00'),
    ('20240106000000', '2024-01-06 00:00:00'),
    ('20240107000000', '2024-01-07 00:00:00'),
    ('20240108000000', '2024-01-08 00:00:00'),
    ('20240109000000', '2024-01-09 00:00:00'),
    ('20240110000000', '2024-01-10 00:00:00'),
    ('20240111000000', '2024-01-11 00:00:00'),
    ('20240112000000', '2024-01-12 00:00:00'),
    ('20240113000000', '2024-01-13 00:00:00'),
    ('20240114000000', '2024-01-14 00:00:00'),
    ('20240115000000', '2024-01-15 00:00:00'),
    ('20240116000000', '2024-01-16 00:00:00'),
    ('20240117000000', '2024-01-17 00:00:00'),
    ('20240118000000', '2024-01-18 00:00:00'),
    ('20240119000000', '2024-01-19 00:00:00'),
    ('20240120000000', '2024-01-20 00:00:00'),
    ('20240121000000', '2024-01-21 00:00:00'),
    ('20240122000000', '2024-01-22 00:00:00'),
    ('20240123000000', '2024-01-23 00:00:00'),
    ('20240124000000', '2024-01-24 00:00:00'),
    ('20240125000000', '2024-01-25 00:00:00'),
    ('20240126000000', '2024-01-26 00:00:00'),
    ('20240127000000', '2024-01-27 00:00:00'),
    ('20240128000000', '2024-01-28 00:00:00'),
    ('20240129000000', '2024-01-29 00:00:00');

-- rows of plans
INSERT INTO #{prefix}.plans (id, code, title, price, limits) VALUES
    ('1', 'free', 'Free', '(0,EUR)', '{"users": 1}'),
    ('2', 'team', 'Team	and friends', '(2900,EUR)', E'{"note": "it''s \\\\ popular", "users": 10}'),
    ('3', 'enterprise', 'Enterprise', NULL, '{"users": null}');

SELECT pg_catalog.set_config('search_path', '', true);

-- constraint accounts_pkey on accounts
ALTER TABLE ONLY #{prefix}.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (id);

-- constraint addresses_pkey on addresses
ALTER TABLE ONLY #{prefix}.addresses
    ADD CONSTRAINT addresses_pkey PRIMARY KEY (id);

-- constraint api_keys_pkey on api_keys
ALTER TABLE ONLY #{prefix}.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

-- constraint audit_log_pkey on audit_log
ALTER TABLE ONLY #{prefix}.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);

-- constraint contacts_pkey on contacts
ALTER TABLE ONLY #{prefix}.contacts
    ADD CONSTRAINT contacts_pkey PRIMARY KEY (id);

-- constraint coupon_redemptions_pkey on coupon_redemptions
ALTER TABLE ONLY #{prefix}.coupon_redemptions
    ADD CONSTRAINT coupon_redemptions_pkey PRIMARY KEY (coupon, customer_id);

-- constraint coupons_pkey on coupons
ALTER TABLE ONLY #{prefix}.coupons
    ADD CONSTRAINT coupons_pkey PRIMARY KEY (code);

-- constraint credit_notes_pkey on credit_notes
ALTER TABLE ONLY #{prefix}.credit_notes
    ADD CONSTRAINT credit_notes_pkey PRIMARY KEY (id);

-- constraint customers_number_key on customers
ALTER TABLE ONLY #{prefix}.customers
    ADD CONSTRAINT customers_number_key UNIQUE (number);

-- constraint customers_pkey on customers
ALTER TABLE ONLY #{prefix}.customers
    ADD CONSTRAINT customers_pkey PRIMARY KEY (id);

-- constraint document_versions_pkey on document_versions
ALTER TABLE ONLY #{prefix}.document_versions
    ADD CONSTRAINT document_versions_pkey PRIMARY KEY (document_id, version);

-- constraint documents_pkey on documents
ALTER TABLE ONLY #{prefix}.documents
    ADD CONSTRAINT documents_pkey PRIMARY KEY (id);

-- constraint email_templates_pkey on email_templates
ALTER TABLE ONLY #{prefix}.email_templates
    ADD CONSTRAINT email_templates_pkey PRIMARY KEY (name, locale);

-- constraint feature_flags_flag_key on feature_flags
ALTER TABLE ONLY #{prefix}.feature_flags
    ADD CONSTRAINT feature_flags_flag_key UNIQUE (flag);

-- constraint feature_flags_pkey on feature_flags
ALTER TABLE ONLY #{prefix}.feature_flags
    ADD CONSTRAINT feature_flags_pkey PRIMARY KEY (id);

-- constraint invitations_pkey on invitations
ALTER TABLE ONLY #{prefix}.invitations
    ADD CONSTRAINT invitations_pkey PRIMARY KEY (id);

-- constraint invoice_lines_pkey on invoice_lines
ALTER TABLE ONLY #{prefix}.invoice_lines
    ADD CONSTRAINT invoice_lines_pkey PRIMARY KEY (invoice_id, line);

-- constraint invoices_number_key on invoices
ALTER TABLE ONLY #{prefix}.invoices
    ADD CONSTRAINT invoices_number_key UNIQUE (number);

-- constraint invoices_pkey on invoices
ALTER TABLE ONLY #{prefix}.invoices
    ADD CONSTRAINT invoices_pkey PRIMARY KEY (id);

-- constraint jobs_pkey on jobs
ALTER TABLE ONLY #{prefix}.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);

-- constraint notifications_pkey on notifications
ALTER TABLE ONLY #{prefix}.notifications
    ADD CONSTRAINT notifications_pkey PRIMARY KEY (id);

-- constraint order_pkey on order
ALTER TABLE ONLY #{prefix}."order"
    ADD CONSTRAINT order_pkey PRIMARY KEY ("user", "position");

-- constraint payment_methods_pkey on payment_methods
ALTER TABLE ONLY #{prefix}.payment_methods
    ADD CONSTRAINT payment_methods_pkey PRIMARY KEY (id);

-- constraint payments_pkey on payments
ALTER TABLE ONLY #{prefix}.payments
    ADD CONSTRAINT payments_pkey PRIMARY KEY (id);

-- constraint plans_code_key on plans
ALTER TABLE ONLY #{prefix}.plans
    ADD CONSTRAINT plans_code_key UNIQUE (code);

-- constraint plans_pkey on plans
ALTER TABLE ONLY #{prefix}.plans
    ADD CONSTRAINT plans_pkey PRIMARY KEY (id);

-- constraint product_prices_pkey on product_prices
ALTER TABLE ONLY #{prefix}.product_prices
    ADD CONSTRAINT product_prices_pkey PRIMARY KEY (product_id, currency, quantities);

-- constraint products_pkey on products
ALTER TABLE ONLY #{prefix}.products
    ADD CONSTRAINT products_pkey PRIMARY KEY (id);

-- constraint projects_pkey on projects
ALTER TABLE ONLY #{prefix}.projects
    ADD CONSTRAINT projects_pkey PRIMARY KEY (id);

-- constraint refunds_pkey on refunds
ALTER TABLE ONLY #{prefix}.refunds
    ADD CONSTRAINT refunds_pkey PRIMARY KEY (id);

-- constraint schema_migrations_pkey on schema_migrations
ALTER TABLE ONLY #{prefix}.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);

-- constraint settings_pkey on settings
ALTER TABLE ONLY #{prefix}.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (name);

-- constraint subscription_items_pkey on subscription_items
ALTER TABLE ONLY #{prefix}.subscription_items
    ADD CONSTRAINT subscription_items_pkey PRIMARY KEY (subscription_id, line);

-- constraint subscriptions_pkey on subscriptions
ALTER TABLE ONLY #{prefix}.subscriptions
    ADD CONSTRAINT subscriptions_pkey PRIMARY KEY (id);

-- constraint taggings_pkey on taggings
ALTER TABLE ONLY #{prefix}.taggings
    ADD CONSTRAINT taggings_pkey PRIMARY KEY (tag_id, customer_id);

-- constraint tags_label_key on tags
ALTER TABLE ONLY #{prefix}.tags
    ADD CONSTRAINT tags_label_key UNIQUE (label);

-- constraint tags_pkey on tags
ALTER TABLE ONLY #{prefix}.tags
    ADD CONSTRAINT tags_pkey PRIMARY KEY (id);

-- constraint tax_rates_int4range_valid_excl on tax_rates
ALTER TABLE ONLY #{prefix}.tax_rates
    ADD CONSTRAINT tax_rates_int4range_valid_excl EXCLUDE USING gist (int4range(((ascii((country)::text) * 256) + ascii(substr((country)::text, 2))), ((ascii((country)::text) * 256) + ascii(substr((country)::text, 2))), '[]'::text) WITH &&, valid WITH &&);

-- constraint tax_rates_pkey on tax_rates
ALTER TABLE ONLY #{prefix}.tax_rates
    ADD CONSTRAINT tax_rates_pkey PRIMARY KEY (id);

-- constraint team_members_pkey on team_members
ALTER TABLE ONLY #{prefix}.team_members
    ADD CONSTRAINT team_members_pkey PRIMARY KEY (team_id, user_id);

-- constraint teams_pkey on teams
ALTER TABLE ONLY #{prefix}.teams
    ADD CONSTRAINT teams_pkey PRIMARY KEY (id);

-- constraint time_entries_pkey on time_entries
ALTER TABLE ONLY #{prefix}.time_entries
    ADD CONSTRAINT time_entries_pkey PRIMARY KEY (id);

-- constraint usage_events_pkey on usage_events
ALTER TABLE ONLY #{prefix}.usage_events
    ADD CONSTRAINT usage_events_pkey PRIMARY KEY (id, happened_at);

-- constraint usage_events_2026_01_pkey on usage_events_2026_01
ALTER TABLE ONLY #{prefix}.usage_events_2026_01
    ADD CONSTRAINT usage_events_2026_01_pkey PRIMARY KEY (id, happened_at);

-- constraint usage_events_2026_02_pkey on usage_events_2026_02
ALTER TABLE ONLY #{prefix}.usage_events_2026_02
    ADD CONSTRAINT usage_events_2026_02_pkey PRIMARY KEY (id, happened_at);

-- constraint usage_events_other_pkey on usage_events_other
ALTER TABLE ONLY #{prefix}.usage_events_other
    ADD CONSTRAINT usage_events_other_pkey PRIMARY KEY (id, happened_at);

-- constraint user_sessions_pkey on user_sessions
ALTER TABLE ONLY #{prefix}.user_sessions
    ADD CONSTRAINT user_sessions_pkey PRIMARY KEY (token);

-- constraint users_email_key on users
ALTER TABLE ONLY #{prefix}.users
    ADD CONSTRAINT users_email_key UNIQUE (account_id, email);

-- constraint users_pkey on users
ALTER TABLE ONLY #{prefix}.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

-- constraint webhook_deliveries_pkey on webhook_deliveries
ALTER TABLE ONLY #{prefix}.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (webhook_id, attempt);

-- constraint webhooks_pkey on webhooks
ALTER TABLE ONLY #{prefix}.webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (id);

-- index accounts_slug on accounts
CREATE UNIQUE INDEX accounts_slug ON #{prefix}.accounts USING btree (slug);

-- index audit_log_by_time on audit_log
CREATE INDEX audit_log_by_time ON #{prefix}.audit_log USING brin (happened_at);

-- index customers_search on customers
CREATE INDEX customers_search ON #{prefix}.customers USING gin (search);

-- index invoices_overdue on invoices
CREATE INDEX invoices_overdue ON #{prefix}.invoices USING btree (due_on) INCLUDE (customer_id) WHERE (status = 'open'::#{prefix}.invoice_status);

-- index jobs_ready on jobs
CREATE INDEX jobs_ready ON #{prefix}.jobs USING btree (queue, run_at) WHERE (locked_by IS NULL);

-- index one_default_method on payment_methods
CREATE UNIQUE INDEX one_default_method ON #{prefix}.payment_methods USING btree (customer_id) WHERE is_default;

-- index products_attributes on products
CREATE INDEX products_attributes ON #{prefix}.products USING gin (attributes jsonb_path_ops);

-- index products_sku on products
CREATE UNIQUE INDEX products_sku ON #{prefix}.products USING btree (((sku)::text));

-- index revenue_by_month_key on revenue_by_month
CREATE UNIQUE INDEX revenue_by_month_key ON #{prefix}.revenue_by_month USING btree (month, currency);

-- index usage_events_by_subscription on usage_events
CREATE INDEX usage_events_by_subscription ON ONLY #{prefix}.usage_events USING btree (subscription_id, happened_at DESC);

-- index usage_events_2026_01_subscription_id_happened_at_idx on usage_events_2026_01
CREATE INDEX usage_events_2026_01_subscription_id_happened_at_idx ON #{prefix}.usage_events_2026_01 USING btree (subscription_id, happened_at DESC);

-- index usage_events_2026_02_subscription_id_happened_at_idx on usage_events_2026_02
CREATE INDEX usage_events_2026_02_subscription_id_happened_at_idx ON #{prefix}.usage_events_2026_02 USING btree (subscription_id, happened_at DESC);

-- index usage_events_other_subscription_id_happened_at_idx on usage_events_other
CREATE INDEX usage_events_other_subscription_id_happened_at_idx ON #{prefix}.usage_events_other USING btree (subscription_id, happened_at DESC);

-- index user_sessions_user_id_idx on user_sessions
CREATE INDEX user_sessions_user_id_idx ON #{prefix}.user_sessions USING hash (user_id);

-- index users_name on users
CREATE INDEX users_name ON #{prefix}.users USING btree (lower(full_name) text_pattern_ops) WHERE is_active;

ALTER INDEX #{prefix}.usage_events_pkey ATTACH PARTITION #{prefix}.usage_events_2026_01_pkey;

ALTER INDEX #{prefix}.usage_events_by_subscription ATTACH PARTITION #{prefix}.usage_events_2026_01_subscription_id_happened_at_idx;

ALTER INDEX #{prefix}.usage_events_pkey ATTACH PARTITION #{prefix}.usage_events_2026_02_pkey;

ALTER INDEX #{prefix}.usage_events_by_subscription ATTACH PARTITION #{prefix}.usage_events_2026_02_subscription_id_happened_at_idx;

ALTER INDEX #{prefix}.usage_events_pkey ATTACH PARTITION #{prefix}.usage_events_other_pkey;

ALTER INDEX #{prefix}.usage_events_by_subscription ATTACH PARTITION #{prefix}.usage_events_other_subscription_id_happened_at_idx;

-- statistics invoices_status_currency
CREATE STATISTICS #{prefix}.invoices_status_currency (dependencies) ON status, currency FROM #{prefix}.invoices;

ALTER STATISTICS #{prefix}.invoices_status_currency OWNER TO postgres;

-- view customer_names
CREATE OR REPLACE VIEW #{prefix}.customer_names AS
 SELECT c.id,
    c.name
   FROM #{prefix}.customers c
  GROUP BY c.id;

-- rule plans_are_fixed on plans
CREATE RULE plans_are_fixed AS
    ON DELETE TO #{prefix}.plans DO INSTEAD NOTHING;

-- trigger audit on invoices
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON #{prefix}.invoices FOR EACH ROW EXECUTE FUNCTION #{prefix}.audit_row();

-- trigger audit on payments
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON #{prefix}.payments FOR EACH ROW EXECUTE FUNCTION #{prefix}.audit_row('details');

-- trigger audit on users
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON #{prefix}.users FOR EACH ROW EXECUTE FUNCTION #{prefix}.audit_row('password_hash', 'last_seen_at');

-- trigger audit_late on refunds
CREATE CONSTRAINT TRIGGER audit_late AFTER INSERT ON #{prefix}.refunds DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION #{prefix}.audit_row('reason');

ALTER TABLE #{prefix}.refunds ENABLE ALWAYS TRIGGER audit_late;

-- trigger bulk_deletions on invoice_lines
CREATE TRIGGER bulk_deletions AFTER DELETE ON #{prefix}.invoice_lines REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION #{prefix}.log_deletions();

-- trigger rename on customer_names
CREATE TRIGGER rename INSTEAD OF UPDATE ON #{prefix}.customer_names FOR EACH ROW EXECUTE FUNCTION #{prefix}.rename_customer();

-- trigger touch on accounts
CREATE TRIGGER touch BEFORE UPDATE ON #{prefix}.accounts FOR EACH ROW EXECUTE FUNCTION #{prefix}.touch_updated_at();

-- trigger touch on customers
CREATE TRIGGER touch BEFORE UPDATE ON #{prefix}.customers FOR EACH ROW EXECUTE FUNCTION #{prefix}.touch_updated_at();

-- trigger touch on invoices
CREATE TRIGGER touch BEFORE UPDATE OF status, notes ON #{prefix}.invoices FOR EACH ROW WHEN ((old.status <> 'void'::#{prefix}.invoice_status)) EXECUTE FUNCTION #{prefix}.touch_updated_at();

-- trigger touch on users
CREATE TRIGGER touch BEFORE UPDATE ON #{prefix}.users FOR EACH ROW EXECUTE FUNCTION #{prefix}.touch_updated_at();

-- constraint accounts_currency_fkey on accounts
ALTER TABLE ONLY #{prefix}.accounts
    ADD CONSTRAINT accounts_currency_fkey FOREIGN KEY (currency) REFERENCES public.currencies(code);

-- constraint accounts_plan_id_fkey on accounts
ALTER TABLE ONLY #{prefix}.accounts
    ADD CONSTRAINT accounts_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES #{prefix}.plans(id);

-- constraint api_keys_user_id_fkey on api_keys
ALTER TABLE ONLY #{prefix}.api_keys
    ADD CONSTRAINT api_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES #{prefix}.users(id) ON DELETE CASCADE;

-- constraint contacts_customer_id_fkey on contacts
ALTER TABLE ONLY #{prefix}.contacts
    ADD CONSTRAINT contacts_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES #{prefix}.customers(id) ON DELETE CASCADE;

-- constraint coupon_redemptions_coupon_fkey on coupon_redemptions
ALTER TABLE ONLY #{prefix}.coupon_redemptions
    ADD CONSTRAINT coupon_redemptions_coupon_fkey FOREIGN KEY (coupon) REFERENCES #{prefix}.coupons(code) ON UPDATE CASCADE;

-- constraint coupon_redemptions_customer_id_fkey on coupon_redemptions
ALTER TABLE ONLY #{prefix}.coupon_redemptions
    ADD CONSTRAINT coupon_redemptions_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES #{prefix}.customers(id);

-- constraint credit_notes_invoice_id_fkey on credit_notes
ALTER TABLE ONLY #{prefix}.credit_notes
    ADD CONSTRAINT credit_notes_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES #{prefix}.invoices(id);

-- constraint customers_billing_address_id_fkey on customers
ALTER TABLE ONLY #{prefix}.customers
    ADD CONSTRAINT customers_billing_address_id_fkey FOREIGN KEY (billing_address_id) REFERENCES #{prefix}.addresses(id);

-- constraint customers_shipping_address_id_fkey on customers
ALTER TABLE ONLY #{prefix}.customers
    ADD CONSTRAINT customers_shipping_address_id_fkey FOREIGN KEY (shipping_address_id) REFERENCES #{prefix}.addresses(id);

-- constraint document_versions_document_id_fkey on document_versions
ALTER TABLE ONLY #{prefix}.document_versions
    ADD CONSTRAINT document_versions_document_id_fkey FOREIGN KEY (document_id) REFERENCES #{prefix}.documents(id) ON DELETE CASCADE;

-- constraint documents_invoice_id_fkey on documents
ALTER TABLE ONLY #{prefix}.documents
    ADD CONSTRAINT documents_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES #{prefix}.invoices(id);

-- constraint invitations_account_id_fkey on invitations
ALTER TABLE ONLY #{prefix}.invitations
    ADD CONSTRAINT invitations_account_id_fkey FOREIGN KEY (account_id) REFERENCES #{prefix}.accounts(id) ON DELETE CASCADE;

-- constraint invoice_lines_invoice_id_fkey on invoice_lines
ALTER TABLE ONLY #{prefix}.invoice_lines
    ADD CONSTRAINT invoice_lines_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES #{prefix}.invoices(id) ON DELETE CASCADE;

-- constraint invoice_lines_product_id_fkey on invoice_lines
ALTER TABLE ONLY #{prefix}.invoice_lines
    ADD CONSTRAINT invoice_lines_product_id_fkey FOREIGN KEY (product_id) REFERENCES #{prefix}.products(id);

-- constraint invoices_currency_fkey on invoices
ALTER TABLE ONLY #{prefix}.invoices
    ADD CONSTRAINT invoices_currency_fkey FOREIGN KEY (currency) REFERENCES public.currencies(code);

-- constraint invoices_customer_id_fkey on invoices
ALTER TABLE ONLY #{prefix}.invoices
    ADD CONSTRAINT invoices_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES #{prefix}.customers(id);

-- constraint invoices_subscription_id_fkey on invoices
ALTER TABLE ONLY #{prefix}.invoices
    ADD CONSTRAINT invoices_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES #{prefix}.subscriptions(id);

-- constraint notifications_user_id_fkey on notifications
ALTER TABLE ONLY #{prefix}.notifications
    ADD CONSTRAINT notifications_user_id_fkey FOREIGN KEY (user_id) REFERENCES #{prefix}.users(id) ON DELETE CASCADE;

-- constraint order_user_fkey on order
ALTER TABLE ONLY #{prefix}."order"
    ADD CONSTRAINT order_user_fkey FOREIGN KEY ("user") REFERENCES #{prefix}.users(id);

-- constraint payment_methods_customer_id_fkey on payment_methods
ALTER TABLE ONLY #{prefix}.payment_methods
    ADD CONSTRAINT payment_methods_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES #{prefix}.customers(id) ON DELETE CASCADE;

-- constraint payments_invoice_id_fkey on payments
ALTER TABLE ONLY #{prefix}.payments
    ADD CONSTRAINT payments_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES #{prefix}.invoices(id);

-- constraint payments_method_id_fkey on payments
ALTER TABLE ONLY #{prefix}.payments
    ADD CONSTRAINT payments_method_id_fkey FOREIGN KEY (method_id) REFERENCES #{prefix}.payment_methods(id) ON DELETE SET NULL;

-- constraint product_prices_currency_fkey on product_prices
ALTER TABLE ONLY #{prefix}.product_prices
    ADD CONSTRAINT product_prices_currency_fkey FOREIGN KEY (currency) REFERENCES public.currencies(code);

-- constraint product_prices_product_id_fkey on product_prices
ALTER TABLE ONLY #{prefix}.product_prices
    ADD CONSTRAINT product_prices_product_id_fkey FOREIGN KEY (product_id) REFERENCES #{prefix}.products(id) ON DELETE CASCADE;

-- constraint projects_customer_id_fkey on projects
ALTER TABLE ONLY #{prefix}.projects
    ADD CONSTRAINT projects_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES #{prefix}.customers(id);

-- constraint refunds_payment_id_fkey on refunds
ALTER TABLE ONLY #{prefix}.refunds
    ADD CONSTRAINT refunds_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES #{prefix}.payments(id);

-- constraint subscription_items_product_id_fkey on subscription_items
ALTER TABLE ONLY #{prefix}.subscription_items
    ADD CONSTRAINT subscription_items_product_id_fkey FOREIGN KEY (product_id) REFERENCES #{prefix}.products(id);

-- constraint subscription_items_subscription_id_fkey on subscription_items
ALTER TABLE ONLY #{prefix}.subscription_items
    ADD CONSTRAINT subscription_items_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES #{prefix}.subscriptions(id) ON DELETE CASCADE;

-- constraint subscriptions_coupon_fkey on subscriptions
ALTER TABLE ONLY #{prefix}.subscriptions
    ADD CONSTRAINT subscriptions_coupon_fkey FOREIGN KEY (coupon) REFERENCES #{prefix}.coupons(code) ON UPDATE CASCADE ON DELETE SET NULL;

-- constraint subscriptions_customer_id_fkey on subscriptions
ALTER TABLE ONLY #{prefix}.subscriptions
    ADD CONSTRAINT subscriptions_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES #{prefix}.customers(id);

-- constraint taggings_customer_id_fkey on taggings
ALTER TABLE ONLY #{prefix}.taggings
    ADD CONSTRAINT taggings_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES #{prefix}.customers(id) ON DELETE CASCADE;

-- constraint taggings_tag_id_fkey on taggings
ALTER TABLE ONLY #{prefix}.taggings
    ADD CONSTRAINT taggings_tag_id_fkey FOREIGN KEY (tag_id) REFERENCES #{prefix}.tags(id) ON DELETE CASCADE;

-- constraint team_members_team_id_fkey on team_members
ALTER TABLE ONLY #{prefix}.team_members
    ADD CONSTRAINT team_members_team_id_fkey FOREIGN KEY (team_id) REFERENCES #{prefix}.teams(id) ON DELETE CASCADE;

-- constraint team_members_user_id_fkey on team_members
ALTER TABLE ONLY #{prefix}.team_members
    ADD CONSTRAINT team_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES #{prefix}.users(id) ON DELETE CASCADE;

-- constraint teams_account_id_fkey on teams
ALTER TABLE ONLY #{prefix}.teams
    ADD CONSTRAINT teams_account_id_fkey FOREIGN KEY (account_id) REFERENCES #{prefix}.accounts(id) ON DELETE CASCADE;

-- constraint teams_parent_id_fkey on teams
ALTER TABLE ONLY #{prefix}.teams
    ADD CONSTRAINT teams_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES #{prefix}.teams(id) DEFERRABLE INITIALLY DEFERRED;

-- constraint time_entries_project_id_fkey on time_entries
ALTER TABLE ONLY #{prefix}.time_entries
    ADD CONSTRAINT time_entries_project_id_fkey FOREIGN KEY (project_id) REFERENCES #{prefix}.projects(id) ON DELETE CASCADE;

-- constraint time_entries_user_id_fkey on time_entries
ALTER TABLE ONLY #{prefix}.time_entries
    ADD CONSTRAINT time_entries_user_id_fkey FOREIGN KEY (user_id) REFERENCES #{prefix}.users(id);

-- constraint usage_events_subscription_id_fkey on usage_events
ALTER TABLE #{prefix}.usage_events
    ADD CONSTRAINT usage_events_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES #{prefix}.subscriptions(id);

-- constraint user_sessions_user_id_fkey on user_sessions
ALTER TABLE ONLY #{prefix}.user_sessions
    ADD CONSTRAINT user_sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES #{prefix}.users(id) ON DELETE CASCADE;

-- constraint users_account_id_fkey on users
ALTER TABLE ONLY #{prefix}.users
    ADD CONSTRAINT users_account_id_fkey FOREIGN KEY (account_id) REFERENCES #{prefix}.accounts(id) ON DELETE CASCADE;

-- constraint webhook_deliveries_webhook_id_fkey on webhook_deliveries
ALTER TABLE ONLY #{prefix}.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES #{prefix}.webhooks(id) ON DELETE CASCADE;

-- policy not_the_future on time_entries
CREATE POLICY not_the_future ON #{prefix}.time_entries AS RESTRICTIVE FOR INSERT WITH CHECK ((lower(during) <= now()));

ALTER TABLE #{prefix}.notifications ENABLE ROW LEVEL SECURITY;

-- policy own_entries on time_entries
CREATE POLICY own_entries ON #{prefix}.time_entries TO billing_app USING ((user_id = #{prefix}.current_user_id())) WITH CHECK ((user_id = #{prefix}.current_user_id()));

-- policy own_notifications on notifications
CREATE POLICY own_notifications ON #{prefix}.notifications USING ((user_id = #{prefix}.current_user_id()));

-- policy team_reads on time_entries
CREATE POLICY team_reads ON #{prefix}.time_entries FOR SELECT TO billing_reader USING ((EXISTS ( SELECT
   FROM #{prefix}.team_members m
  WHERE ((m.user_id = time_entries.user_id) AND (m.role <> 'guest'::#{prefix}.member_role)))));

ALTER TABLE #{prefix}.time_entries ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA #{prefix} TO billing_app;

GRANT USAGE ON SCHEMA #{prefix} TO billing_reader;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.invoice_lines TO billing_app;

REVOKE ALL ON FUNCTION #{prefix}.open_invoices(customer bigint, OUT number text, OUT gross numeric) FROM PUBLIC;

GRANT ALL ON FUNCTION #{prefix}.open_invoices(customer bigint, OUT number text, OUT gross numeric) TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.accounts TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.accounts_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.users TO billing_app;

GRANT SELECT(id) ON TABLE #{prefix}.users TO billing_reader;

GRANT SELECT(full_name) ON TABLE #{prefix}.users TO billing_reader;

GRANT UPDATE(locale) ON TABLE #{prefix}.users TO billing_reader;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.active_users TO billing_app;

GRANT SELECT ON TABLE #{prefix}.active_users TO billing_reader;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.addresses TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.addresses_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.api_keys TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.api_keys_id_seq TO billing_app;

GRANT SELECT,INSERT,UPDATE ON TABLE #{prefix}.audit_log TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.audit_log_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.contacts TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.contacts_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.coupon_redemptions TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.coupons TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.credit_notes TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.credit_notes_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.customers TO billing_app;

GRANT SELECT ON TABLE #{prefix}.customers TO billing_reader WITH GRANT OPTION;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.customer_list TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.customer_names TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.customers_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.document_versions TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.documents TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.email_templates TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.feature_flags TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.feature_flags_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.invitations TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.invitations_id_seq TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.invoice_numbers TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.invoices TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.invoice_totals TO billing_app;

GRANT SELECT ON TABLE #{prefix}.invoice_totals TO billing_reader;

GRANT USAGE ON SEQUENCE #{prefix}.invoices_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.jobs TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.jobs_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.notifications TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.notifications_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}."order" TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.overdue TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.payment_methods TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.payment_methods_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.payments TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.payments_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.plans TO billing_app;

GRANT SELECT ON TABLE #{prefix}.plans TO PUBLIC;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.product_prices TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.products TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.products_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.projects TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.projects_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.refunds TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.refunds_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.revenue_by_month TO billing_app;

GRANT SELECT ON TABLE #{prefix}.revenue_by_month TO billing_reader;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.schema_migrations TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.settings TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.subscription_items TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.subscriptions TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.subscriptions_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.taggings TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.tags TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.tags_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.tax_rates TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.tax_rates_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.team_members TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.teams TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.teams_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.time_entries TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.time_entries_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.usage_events TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.usage_events_2026_01 TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.usage_events_2026_02 TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.usage_events_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.usage_events_other TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.user_sessions TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.users_id_seq TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.webhook_deliveries TO billing_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE #{prefix}.webhooks TO billing_app;

GRANT USAGE ON SEQUENCE #{prefix}.webhooks_id_seq TO billing_app;

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA #{prefix} GRANT USAGE ON SEQUENCES TO billing_app;

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA #{prefix} GRANT SELECT ON TABLES TO billing_reader;
