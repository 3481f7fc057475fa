"""Sessions by chance, as programs might have them and as no program would: the same to Postgres and through pgweir, what each
client is told compared message by message, and what differs made as short as can be. `make sequences`.

`tests/same` in Rust does the same with one server and a narrow set of texts, fast enough for a thousand scripts in every test
run. Here the texts are many, servers several, and state of every kind ties clients to them. A script that comes out here is in
the notation of those there, and most can be put among them as they are.

In reading order: `script` (what clients say, as lines), `owing` (what a client still has to hear), `texts` and `words` (what is
said), `unnamed` (when it is known what the unnamed statement is), `writer` (who says what next), `normal` (a reply as a line), `known`
(the differences that are accounted for), `stage` (where it is played), `player`, `shrink`."""
