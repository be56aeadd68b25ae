-- The index of what can be searched. Everything in it comes from the store and the files that were published; it is made anew
-- where it is missing.

-- What was published, by the number that it has in the store.
CREATE TABLE components (
    id INTEGER PRIMARY KEY,
    dossier TEXT,
    name TEXT NOT NULL, -- of its files: versions share it
    version INTEGER NOT NULL,
    title TEXT NOT NULL,
    kind TEXT,
    number TEXT,
    date TEXT, -- YYYY-MM-DD
    owner TEXT,
    identity TEXT -- with most digits hidden
) STRICT;
CREATE INDEX components_by_name ON components (dossier, name);

-- Pages in the order in which they came: the newest have the highest numbers.
CREATE TABLE pages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    component INTEGER NOT NULL REFERENCES components,
    number INTEGER NOT NULL,
    words BLOB NOT NULL
) STRICT;
CREATE INDEX pages_of_component ON pages (component);

-- Which pages have a word, two words side by side, or a field's value: only that, and not where.
CREATE VIRTUAL TABLE terms USING fts5 (
    term, content = '', contentless_delete = 1, detail = none, columnsize = 1, tokenize = "ascii tokenchars '_'"
);
INSERT INTO terms (terms, rank) VALUES ('hashsize', 16777216);

-- Words without marks, with the number of pages that have each.
CREATE TABLE vocabulary (
    word TEXT PRIMARY KEY,
    pages INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What words become when letters are left out.
CREATE TABLE remainders (
    remainder TEXT NOT NULL,
    word TEXT NOT NULL,
    PRIMARY KEY (remainder, word)
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
