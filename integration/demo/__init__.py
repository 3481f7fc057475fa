"""`make demo`: pgweir to look at, with a Postgres behind and some hundred clients in front."""
