\set nothing 1
