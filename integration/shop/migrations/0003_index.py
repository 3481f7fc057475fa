"""An index built while others work, which Postgres allows outside of transactions only."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Each statement on its own."""

    atomic = False
    dependencies = [("shop", "0002_amount")]
    operations = [
        AddIndexConcurrently("order", models.Index(fields=["customer"], name="shop_order_customer")),
    ]
