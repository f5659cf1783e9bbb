-- expect: right
-- why: each object costs locks, and max_locks_per_transaction is finite
CREATE SCHEMA app;
DO $$
BEGIN
  FOR i IN 1..120 LOOP
    EXECUTE format('CREATE TABLE app.%I (id int PRIMARY KEY, app int REFERENCES app.%I)', 'app_' || i, 'app_' || greatest(1, i - 1));
  END LOOP;
END $$;
-- check:
SELECT count(*) = 120 FROM pg_constraint WHERE connamespace = '#{prefix}'::regnamespace AND contype = 'f'
   AND confrelid::regclass::text LIKE '%app\_%';
