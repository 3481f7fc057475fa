"""A column with a default, and data moved by Python."""

from django.db import migrations, models


def first_order(apps, _editor):
    """An order for those who look whether migrations move data."""
    order = apps.get_model("shop", "Order").objects.create(number=0, customer="migration")
    apps.get_model("shop", "Line").objects.create(order=order, article="welcome", amount=2)


class Migration(migrations.Migration):
    """In one transaction."""

    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.AddField("line", "amount", models.PositiveIntegerField(default=1)),
        migrations.RunPython(first_order, migrations.RunPython.noop),
    ]
