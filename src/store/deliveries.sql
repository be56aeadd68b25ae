-- Version 2. What is to be delivered: a row for each file published of a component that is finished in a dossier, written
-- with the state 'done' itself. It is the connector's outbox; without a connector it only waits.
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY,
    component INTEGER NOT NULL REFERENCES components,
    directory TEXT NOT NULL, -- with name and version, as in published
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    file TEXT NOT NULL,
    sha256 TEXT NOT NULL, -- of the file when it was finished; part of the key that tells deliveries apart
    state TEXT NOT NULL CHECK (state IN ('waiting', 'accepted', 'refused')),
    attempts INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL DEFAULT 0,
    answer TEXT, -- the word or HTTP status that the last attempt ended with
    changed INTEGER NOT NULL,
    UNIQUE (component, directory, name, version)
) STRICT;
CREATE INDEX deliveries_in_order ON deliveries (state, id);
CREATE INDEX deliveries_of_file ON deliveries (directory, name, id);

INSERT INTO deliveries (component, directory, name, version, file, sha256, state, changed)
SELECT p.component, p.directory, p.name, p.version, p.file, p.sha256, 'waiting', c.changed
FROM published p JOIN components c ON c.id = p.component
WHERE c.state = 'done' AND c.dossier IS NOT NULL AND p.file IS NOT NULL AND p.sha256 IS NOT NULL
ORDER BY p.component;
