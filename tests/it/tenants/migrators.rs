//! Real migrators (Django, alembic, Active Record): tenants that they made, captured and provisioned, are what they expect.

use std::path::{Path, PathBuf};

use super::world::World;
use crate::support::{CommandOutput, Schemastamp};

/// Django, alembic and psycopg, as `scripts/install/migrators` puts them there.
fn packages() -> PathBuf {
    let tools = std::env::var_os("SCHEMASTAMP_TEST_TOOLS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools"),
        PathBuf::from,
    );
    let packages = tools.join("migrators");
    assert!(
        packages.is_dir(),
        "'{}' is missing: run scripts/install/migrators",
        packages.display()
    );
    packages
}

const DJANGO: &[(&str, &str)] = &[
    (
        "settings.py",
        "import os\nSECRET_KEY = 'x'\nINSTALLED_APPS = ['django.contrib.contenttypes', 'django.contrib.auth', 'shop']\n\
         DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'\n\
         DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': os.environ['PGDATABASE'],\n\
         \x20   'HOST': os.environ['PGHOST'], 'PORT': os.environ['PGPORT'], 'USER': os.environ['PGUSER'],\n\
         \x20   'OPTIONS': {'options': '-c search_path=' + os.environ['SCHEMASTAMP_TENANT']}}}\n",
    ),
    (
        "shop/models.py",
        "from django.db import models\n\nclass Item(models.Model):\n    name = models.CharField(max_length=50)\n",
    ),
    ("shop/__init__.py", ""),
    ("shop/migrations/__init__.py", ""),
    (
        "shop/migrations/0001_initial.py",
        "from django.db import migrations, models\n\nclass Migration(migrations.Migration):\n    initial = True\n    dependencies = []\n\
         \x20   operations = [migrations.CreateModel('Item', [('id', models.BigAutoField(primary_key=True)),\n\
         \x20       ('name', models.CharField(max_length=50))])]\n",
    ),
];

const DJANGO_NEXT: &str = "from django.db import migrations, models\n\nclass Migration(migrations.Migration):\n    dependencies = [('shop', '0001_initial')]\n\
     \x20   operations = [migrations.AddField('item', 'price', models.IntegerField(default=0))]\n";

const ALEMBIC: &[(&str, &str)] = &[
    ("alembic.ini", "[alembic]\nscript_location = .\n"),
    (
        "env.py",
        "import os\nfrom alembic import context\nfrom sqlalchemy import create_engine, text\n\
         e = os.environ\nurl = f\"postgresql+psycopg://{e['PGUSER']}@/{e['PGDATABASE']}?host={e['PGHOST']}&port={e['PGPORT']}\"\n\
         with create_engine(url).connect() as connection:\n\
         \x20   connection.execute(text('SET search_path TO ' + e['SCHEMASTAMP_TENANT']))\n    connection.commit()\n\
         \x20   context.configure(connection=connection, version_table_schema=e['SCHEMASTAMP_TENANT'])\n\
         \x20   with context.begin_transaction():\n        context.run_migrations()\n",
    ),
    (
        "versions/a1.py",
        "revision = 'a1'\ndown_revision = None\nfrom alembic import op\nimport sqlalchemy as sa\n\
         def upgrade():\n    op.create_table('item', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.Text, index=True))\n",
    ),
];

const ALEMBIC_NEXT: &str = "revision = 'b2'\ndown_revision = 'a1'\nfrom alembic import op\nimport sqlalchemy as sa\n\
     def upgrade():\n    op.add_column('item', sa.Column('price', sa.Integer, server_default='0'))\n";

/// Active Record, the migrator of Rails. Its own lock is one per database, which tenants would wait for or fail on.
const RAILS: &[(&str, &str)] = &[
    (
        "migrate.rb",
        "require 'active_record'\n\
         ActiveRecord::Base.establish_connection(adapter: 'postgresql', host: ENV['PGHOST'], port: ENV['PGPORT'],\n\
         \x20 database: ENV['PGDATABASE'], username: ENV['PGUSER'], schema_search_path: ENV['SCHEMASTAMP_TENANT'],\n\
         \x20 advisory_locks: false)\n\
         ActiveRecord::Migration.verbose = false\n\
         ActiveRecord::MigrationContext.new('db', ActiveRecord::SchemaMigration).migrate\n",
    ),
    (
        "db/20240101000000_create_items.rb",
        "class CreateItems < ActiveRecord::Migration[6.1]\n  def change\n    create_table :items do |t|\n\
         \x20     t.string :name, null: false, index: true\n      t.timestamps\n    end\n  end\nend\n",
    ),
];

const RAILS_NEXT: &str = "class AddPrice < ActiveRecord::Migration[6.1]\n  def change\n\
     \x20   add_column :items, :price, :integer, default: 0\n  end\nend\n";

/// A tenant is made by the tool, captured, and another provisioned from it: then the tool finds nothing to do. A new
/// migration of the tool reaches all tenants through `--run`.
fn story(files: &[(&str, &str)], command: &str, next: (&str, &str), new_version: &str) {
    let world = World::new();
    world.database.sql("CREATE SCHEMA first");
    let run = Schemastamp::on(&world.database)
        .env("PYTHONPATH", packages())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("DJANGO_SETTINGS_MODULE", "settings")
        .env("SCHEMASTAMP_SNAPSHOT", "s.sql");
    for (file, text) in files {
        run.write(file, text);
    }
    let migrate = |tenants: &[&str]| -> CommandOutput {
        run.run(&[&["migrate", "--run", command, "-v", "--jobs", "2"], tenants].concat())
            .succeeds()
    };
    let output = migrate(&["first"]);
    assert!(
        output.stdout.starts_with("migrated first: to version "),
        "{output}"
    );
    drop(
        run.run(&["capture", "--schema", "first", "-o", "s.sql"])
            .succeeds(),
    );
    drop(run.run(&["provision", "second", "third"]).succeeds());
    let output = migrate(&["--all"]);
    assert_eq!(output.stdout.matches("up to date ").count(), 3, "{output}");

    run.write(next.0, next.1);
    let output = migrate(&["--all"]);
    assert_eq!(output.stdout.matches("migrated ").count(), 3, "{output}");
    assert_eq!(output.stdout.matches(new_version).count(), 3, "{output}");
    drop(run.run(&["verify", "--all", "--each-other"]).succeeds());
    drop(run.run(&["check", "--schema", "third"]).exits_with(1));
    drop(
        run.run(&["capture", "--schema", "third", "-o", "s.sql"])
            .succeeds(),
    );
    drop(run.run(&["check", "--schema", "second"]).succeeds());
    assert!(run.leftovers().is_empty());
}

#[test]
fn django() {
    let command = "python3 -m django migrate --no-input --pythonpath . --verbosity 0";
    story(
        DJANGO,
        command,
        ("shop/migrations/0002_price.py", DJANGO_NEXT),
        "shop.0002_price",
    );
}

#[test]
fn alembic() {
    story(
        ALEMBIC,
        "python3 -m alembic upgrade head",
        ("versions/b2.py", ALEMBIC_NEXT),
        "a1 to b2",
    );
}

#[test]
fn active_record() {
    story(
        RAILS,
        "ruby migrate.rb",
        ("db/20240102000000_add_price.rb", RAILS_NEXT),
        "20240102000000",
    );
}
