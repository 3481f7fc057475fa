"""The corpus: programs that use real libraries against a small shop, each labelled with what pgweir must find, or that it
must find nothing; run through pgweir and scored.

A third of the families is kept out of sight while thresholds are chosen: those whose name's SHA-256 begins with a byte that
three divides (`label.hidden`). `make insight VISIBLE=1` leaves them out and is what one tunes with; `make insight` runs all
and tells the two parts apart. What is found in the hidden part is no reason to change a threshold, only to say so."""
