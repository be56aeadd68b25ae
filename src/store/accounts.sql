-- People at the desk.

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL, -- its argon2id hash, a PHC string
    role TEXT NOT NULL CHECK (role IN ('clerk', 'officer', 'supervisor', 'admin')),
    disabled INTEGER, -- since when
    created INTEGER NOT NULL
) STRICT;

-- Browsers at which somebody is logged in. The token itself is nowhere but in the browser's cookie.
CREATE TABLE sessions (
    token_sha256 TEXT PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts,
    created INTEGER NOT NULL,
    used INTEGER NOT NULL -- within a minute
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of_account ON sessions (account, used);

-- Who did it, where a person at the desk did.
ALTER TABLE events ADD COLUMN account INTEGER;

-- The dossiers of a day.
CREATE INDEX dossiers_by_time ON dossiers (created);
