-- What people said of the data of papers. It is the paper's: of all versions of a component.
CREATE TABLE said (
    dossier INTEGER NOT NULL REFERENCES dossiers,
    name TEXT NOT NULL COLLATE NOCASE, -- of the component's files
    field TEXT NOT NULL, -- empty: of the paper's kind
    value TEXT NOT NULL, -- empty: not on this paper
    account INTEGER REFERENCES accounts, -- who said it; absent: a program, over the network
    said INTEGER NOT NULL,
    PRIMARY KEY (dossier, name, field)
) STRICT, WITHOUT ROWID;

-- What is learned from them: one of each paper, the newest few thousand.
CREATE TABLE examples (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- another one when the paper's changes
    dossier INTEGER NOT NULL REFERENCES dossiers,
    name TEXT NOT NULL COLLATE NOCASE,
    example TEXT NOT NULL, -- JSON
    UNIQUE (dossier, name)
) STRICT;
