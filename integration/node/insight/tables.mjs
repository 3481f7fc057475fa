// The shop as Drizzle maps it; integration/insight/schema.sql has made the tables.

import { relations } from "drizzle-orm";
import { bigint, integer, pgTable, text, uuid } from "drizzle-orm/pg-core";

export const countries = pgTable("countries", { code: text().primaryKey(), name: text() });
export const authors = pgTable("authors", { id: integer().primaryKey(), name: text(), countryCode: text("country_code") });
export const publishers = pgTable("publishers", { id: uuid().primaryKey(), name: text() });
export const books = pgTable("books", {
  id: integer().primaryKey(),
  authorId: integer("author_id"),
  publisherId: uuid("publisher_id"),
  title: text(),
  published: integer(),
  shelf: integer(),
  views: integer(),
  summary: text(),
});
export const reviews = pgTable("reviews", {
  id: bigint({ mode: "number" }).primaryKey(),
  bookId: integer("book_id"),
  stars: integer(),
  body: text(),
});
export const orders = pgTable("orders", { number: text().primaryKey(), status: integer(), total: integer() });
export const lines = pgTable("order_lines", {
  id: bigint({ mode: "number" }).primaryKey(),
  orderNumber: text("order_number"),
  quantity: integer(),
});
export const employees = pgTable("employees", { id: integer().primaryKey(), name: text(), managerId: integer("manager_id") });
export const pages = pgTable("pages", { id: integer().primaryKey(), slug: text(), title: text() });
export const jobs = pgTable("jobs", { id: integer().primaryKey(), priority: integer() });
export const tags = pgTable("tags", { id: integer().primaryKey(), name: text() });
export const sales = pgTable("sales", { id: integer().primaryKey(), month: integer(), amount: integer() });
export const settings = pgTable("settings", { key: text().primaryKey(), value: text() });
export const events = pgTable("events", {
  id: bigint({ mode: "number" }).generatedByDefaultAsIdentity().primaryKey(),
  name: text(),
  bookId: integer("book_id"),
});

export const authorsHave = relations(authors, ({ one, many }) => ({
  books: many(books),
  country: one(countries, { fields: [authors.countryCode], references: [countries.code] }),
}));
export const publishersHave = relations(publishers, ({ many }) => ({ books: many(books) }));
export const booksHave = relations(books, ({ one, many }) => ({
  author: one(authors, { fields: [books.authorId], references: [authors.id] }),
  publisher: one(publishers, { fields: [books.publisherId], references: [publishers.id] }),
  reviews: many(reviews),
}));
export const reviewsHave = relations(reviews, ({ one }) => ({
  book: one(books, { fields: [reviews.bookId], references: [books.id] }),
}));
export const ordersHave = relations(orders, ({ many }) => ({ lines: many(lines) }));
export const linesHave = relations(lines, ({ one }) => ({
  order: one(orders, { fields: [lines.orderNumber], references: [orders.number] }),
}));
