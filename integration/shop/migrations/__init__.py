"""How the shop's tables came to be: one that makes them, one that alters and fills, one outside a transaction."""
