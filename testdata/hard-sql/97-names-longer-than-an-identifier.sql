-- expect: right
-- why: what identifies a column, an overload or a trigger is longer than 63 bytes; two that begin alike are not one
create schema app;
create table app.subscription_plan_monthly_billing_summaries (
  total_amount_before_discount_a int, total_amount_before_discount_b int not null default 7);
create procedure app.count_of_scans(in a_schema text, in a_table text, inout n_scans integer) language plpgsql as $$ begin n_scans := 1; end $$;
create procedure app.count_of_scans(in a_schema text, in a_table text, inout n_scans integer, inout ok boolean) language plpgsql
  as $$ begin n_scans := 2; end $$;
create function app.t() returns trigger language plpgsql as $$ begin new.total_amount_before_discount_a := 9; return new; end $$;
create trigger recompute_the_totals_of_the_summaries before insert on app.subscription_plan_monthly_billing_summaries
  for each row execute function app.t();
-- check:
insert into #{prefix}.subscription_plan_monthly_billing_summaries default values;
select total_amount_before_discount_a = 9 and total_amount_before_discount_b = 7
  and (select count(*) from pg_proc where pronamespace = '#{prefix}'::regnamespace) = 3
  from #{prefix}.subscription_plan_monthly_billing_summaries;
