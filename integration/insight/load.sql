-- The tables of the clean load (tokio/clean.rs): the same twice, with ids from 1 without a gap and with ids that are
-- spread over a billion.

create schema dense;
create schema sparse;

create function pg_temp.sparse(i int) returns int language sql immutable as $$ select (i::bigint * 7368787 % 999999937)::int $$;

create table dense.accounts (id int primary key, token text not null unique, name text not null, balance int not null);
create table dense.items (id int primary key, seller_id int not null, kind int not null, title text not null, price int not null);
create table dense.orders (id int primary key, account_id int not null, item_id int not null, month int not null, total int not null);
create table dense.visits (account_id int not null, item_id int not null);
insert into dense.accounts select i, md5(i::text), 'name ' || i, 0 from generate_series(1, 2000) i;
insert into dense.items select i, 1 + i * 13 % 2000, 1 + i % 8, 'item ' || i, i % 97 from generate_series(1, 2000) i;
insert into dense.orders
select i, 1 + i * 29 % 2000, 1 + i * 31 % 2000, 1 + i % 12, i % 50 from generate_series(1, 8000) i;

create table sparse.accounts (like dense.accounts including all);
create table sparse.items (like dense.items including all);
create table sparse.orders (like dense.orders including all);
create table sparse.visits (like dense.visits including all);
insert into sparse.accounts select pg_temp.sparse(id), token, name, balance from dense.accounts;
insert into sparse.items select pg_temp.sparse(id + 5000), pg_temp.sparse(seller_id), kind, title, price from dense.items;
insert into sparse.orders
select pg_temp.sparse(id + 20000), pg_temp.sparse(account_id), pg_temp.sparse(item_id + 5000), month, total from dense.orders;

create index on dense.items (seller_id);
create index on dense.orders (account_id);
create index on dense.orders (item_id);
create index on sparse.items (seller_id);
create index on sparse.orders (account_id);
create index on sparse.orders (item_id);
