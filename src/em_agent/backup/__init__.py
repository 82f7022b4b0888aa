"""One file with the whole database, and the database out of it again."""
