"""The shop as Django maps it; schema.sql has made the tables."""

from django.db import models


class Table(models.Model):
    """One that is there already."""

    class Meta:
        """No table of its own."""

        abstract = True
        managed = False
        app_label = "catalogue"


class Country(Table):
    """Its key is text."""

    code = models.TextField(primary_key=True)
    name = models.TextField()

    class Meta(Table.Meta):
        """Its table."""

        db_table = "countries"


class Author(Table):
    """Sparse ids."""

    id = models.IntegerField(primary_key=True)
    name = models.TextField()
    country = models.ForeignKey(Country, models.CASCADE, db_column="country_code")

    class Meta(Table.Meta):
        """Its table."""

        db_table = "authors"


class Publisher(Table):
    """Its key is a uuid."""

    id = models.UUIDField(primary_key=True)
    name = models.TextField()

    class Meta(Table.Meta):
        """Its table."""

        db_table = "publishers"


class Book(Table):
    """Dense ids."""

    id = models.IntegerField(primary_key=True)
    author = models.ForeignKey(Author, models.CASCADE, related_name="books")
    publisher = models.ForeignKey(Publisher, models.CASCADE, related_name="books")
    title = models.TextField()
    published = models.IntegerField()
    shelf = models.IntegerField()
    views = models.IntegerField()
    summary = models.TextField()

    class Meta(Table.Meta):
        """Its table."""

        db_table = "books"


class Review(Table):
    """Of a book."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="reviews")
    id = models.BigIntegerField(primary_key=True)
    stars = models.IntegerField()
    body = models.TextField()

    class Meta(Table.Meta):
        """Its table."""

        db_table = "reviews"


class Order(Table):
    """Numbered by text."""

    number = models.TextField(primary_key=True)
    status = models.IntegerField()
    total = models.IntegerField()

    class Meta(Table.Meta):
        """Its table."""

        db_table = "orders"


class Line(Table):
    """Of an order."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines", db_column="order_number")
    quantity = models.IntegerField()

    class Meta(Table.Meta):
        """Its table."""

        db_table = "order_lines"


class Employee(Table):
    """In a tree."""

    id = models.IntegerField(primary_key=True)
    name = models.TextField()
    manager = models.ForeignKey("self", models.CASCADE, null=True)

    class Meta(Table.Meta):
        """Its table."""

        db_table = "employees"


class Page(Table):
    """For paging."""

    id = models.IntegerField(primary_key=True)
    slug = models.TextField()
    title = models.TextField()

    class Meta(Table.Meta):
        """Its table."""

        db_table = "pages"


class Job(Table):
    """With one of five priorities."""

    id = models.IntegerField(primary_key=True)
    priority = models.IntegerField()

    class Meta(Table.Meta):
        """Its table."""

        db_table = "jobs"


class Tag(Table):
    """Dense ids from 1."""

    id = models.IntegerField(primary_key=True)
    name = models.TextField()

    class Meta(Table.Meta):
        """Its table."""

        db_table = "tags"


class Sale(Table):
    """In one of twelve months."""

    id = models.IntegerField(primary_key=True)
    month = models.IntegerField()
    amount = models.IntegerField()

    class Meta(Table.Meta):
        """Its table."""

        db_table = "sales"


class Setting(Table):
    """Key and value."""

    key = models.TextField(primary_key=True)
    value = models.TextField()

    class Meta(Table.Meta):
        """Its table."""

        db_table = "settings"


class Event(Table):
    """What happened."""

    id = models.BigAutoField(primary_key=True)
    name = models.TextField()
    book_id = models.IntegerField()

    class Meta(Table.Meta):
        """Its table."""

        db_table = "events"
