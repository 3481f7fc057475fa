"""What the shop keeps."""

from django.db import models


class Order(models.Model):
    """An order, numbered by the customer."""

    number = models.IntegerField(unique=True)
    customer = models.CharField(max_length=100)
    placed = models.DateTimeField(auto_now_add=True)
    paid = models.BooleanField(default=False)

    class Meta:
        """The index of the third migration."""

        indexes = [models.Index(fields=["customer"], name="shop_order_customer")]


class Line(models.Model):
    """A line of an order. The amount has come with the second migration."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    article = models.CharField(max_length=100)
    amount = models.PositiveIntegerField(default=1)
    facts = models.JSONField(default=dict)
