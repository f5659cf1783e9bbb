"""Clones a schema with django-tenants for each name on stdin, and answers with the name: `clone_tenants.py SOURCE`."""

import os
import sys

import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django_tenants"],
    DATABASES={"default": {"ENGINE": "django_tenants.postgresql_backend", "NAME": os.environ["PGDATABASE"],
                           "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"], "USER": os.environ["PGUSER"]}},
    DATABASE_ROUTERS=["django_tenants.routers.TenantSyncRouter"],
    TENANT_MODEL="none.Tenant", TENANT_DOMAIN_MODEL="none.Domain", SHARED_APPS=["django.contrib.contenttypes", "django_tenants"], TENANT_APPS=["django.contrib.contenttypes"])
django.setup()

from django_tenants.clone import CloneSchema  # noqa: E402

for line in sys.stdin:
    CloneSchema().clone_schema(sys.argv[1], line.strip())
    print(line.strip(), flush=True)
