"""Users and plans."""

import sqlalchemy as sa
from alembic import op

revision = "1f0c"
down_revision = None


def upgrade():
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("email", sa.Text, nullable=False, unique=True),
    )
    plans = op.create_table(
        "plans",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("seats", sa.Integer, nullable=False),
    )
    op.bulk_insert(plans, [{"name": "free", "seats": 3}, {"name": "team", "seats": 25}])


def downgrade():
    op.drop_table("plans")
    op.drop_table("users")
