-- Phones, from version 3 on.

-- Phones that may send captures into a dossier for a while. The token itself is nowhere but in its address.
CREATE TABLE pairings (
    id INTEGER PRIMARY KEY,
    token_sha256 TEXT NOT NULL UNIQUE,
    dossier TEXT NOT NULL, -- its code
    component TEXT, -- title of the component; absent where the phone may name it
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    revoked INTEGER
) STRICT;
