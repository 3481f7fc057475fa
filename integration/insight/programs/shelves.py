"""The shop as SQLAlchemy maps it. Relations load as they do by default: when they are touched."""

import uuid

from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """All of them."""


class Country(Base):
    """Its key is text."""

    __tablename__ = "countries"
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]


class Author(Base):
    """Sparse ids."""

    __tablename__ = "authors"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    country_code: Mapped[str] = mapped_column(ForeignKey("countries.code"))
    books: Mapped[list["Book"]] = relationship(back_populates="author")
    country: Mapped[Country] = relationship()


class Publisher(Base):
    """Its key is a uuid."""

    __tablename__ = "publishers"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    books: Mapped[list["Book"]] = relationship()


class Book(Base):
    """Dense ids; the summary is long and loaded when it is read."""

    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
    publisher_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("publishers.id"))
    title: Mapped[str]
    published: Mapped[int]
    shelf: Mapped[int]
    views: Mapped[int]
    summary: Mapped[str] = mapped_column(deferred=True)
    author: Mapped[Author] = relationship(back_populates="books")
    reviews: Mapped[list["Review"]] = relationship()


class Review(Base):
    """Of a book."""

    __tablename__ = "reviews"
    id: Mapped[int] = mapped_column(primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("books.id"))
    stars: Mapped[int]
    body: Mapped[str]


class Order(Base):
    """Numbered by text."""

    __tablename__ = "orders"
    number: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[int]
    total: Mapped[int]
    lines: Mapped[list["Line"]] = relationship()


class Line(Base):
    """Of an order."""

    __tablename__ = "order_lines"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_number: Mapped[str] = mapped_column(ForeignKey("orders.number"))
    quantity: Mapped[int]


class Employee(Base):
    """In a tree."""

    __tablename__ = "employees"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    manager_id: Mapped[int | None] = mapped_column(ForeignKey("employees.id"))
    manager: Mapped["Employee"] = relationship(remote_side=[id])


class Page(Base):
    """For paging."""

    __tablename__ = "pages"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str]
    title: Mapped[str]


class Job(Base):
    """With one of five priorities."""

    __tablename__ = "jobs"
    id: Mapped[int] = mapped_column(primary_key=True)
    priority: Mapped[int]


class Tag(Base):
    """Dense ids from 1."""

    __tablename__ = "tags"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Sale(Base):
    """In one of twelve months."""

    __tablename__ = "sales"
    id: Mapped[int] = mapped_column(primary_key=True)
    month: Mapped[int]
    amount: Mapped[int]


class Setting(Base):
    """Key and value."""

    __tablename__ = "settings"
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Event(Base):
    """What happened."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    book_id: Mapped[int]
