select id, filler from wide;
