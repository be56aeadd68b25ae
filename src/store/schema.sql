-- Version 1. Times are milliseconds since 1970, UTC, but where said otherwise.

-- What was scanned or photographed: each content once. Its bytes are the blob of this hash.
CREATE TABLE captures (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    bytes INTEGER NOT NULL,
    received INTEGER NOT NULL,
    purged INTEGER -- when its blob was removed by the rule
) STRICT;

-- Where captures came from: a file is told by its place, size and time of change (nanoseconds since 1970).
CREATE TABLE arrivals (
    id INTEGER PRIMARY KEY,
    capture INTEGER NOT NULL REFERENCES captures,
    source TEXT NOT NULL,
    relative TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    received INTEGER NOT NULL,
    UNIQUE (source, relative, bytes, modified)
) STRICT;
CREATE INDEX arrivals_of_capture ON arrivals (capture);

CREATE TABLE dossiers (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL
) STRICT;

-- One version of one component. Without a dossier it waits to be placed (chưa xếp), for the reason given.
CREATE TABLE components (
    id INTEGER PRIMARY KEY,
    dossier INTEGER REFERENCES dossiers,
    key TEXT NOT NULL, -- of its place: captures with this key belong to it
    title TEXT NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE, -- of its files
    version INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('collecting', 'queued', 'rescan', 'unsigned', 'done', 'failed', 'moved')),
    reason TEXT, -- the word for why it waits to be placed
    problem TEXT, -- the word for why it failed
    code TEXT, -- mã thành phần hồ sơ
    result_code TEXT, -- mã giấy tờ kết quả
    priority INTEGER NOT NULL,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL, -- last arrival, then last change of state
    modified INTEGER NOT NULL, -- time of change of the file that came last
    fingerprint TEXT
) STRICT;
CREATE UNIQUE INDEX components_by_name ON components (coalesce(dossier, 0), name, version);
CREATE INDEX components_by_key ON components (key, id);
CREATE INDEX components_by_state ON components (state, changed);

-- The captures of a component. They lie in the order of position, then of what their names say.
CREATE TABLE component_captures (
    component INTEGER NOT NULL REFERENCES components,
    capture INTEGER NOT NULL REFERENCES captures,
    name TEXT NOT NULL, -- path below the watched folder
    position INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (component, capture)
) STRICT, WITHOUT ROWID;
CREATE INDEX components_of_capture ON component_captures (capture);

-- What was published of a component; a PDF that came signed among its captures is a file of its own.
CREATE TABLE published (
    component INTEGER NOT NULL REFERENCES components,
    directory TEXT NOT NULL, -- absolute
    name TEXT NOT NULL,
    version INTEGER NOT NULL, -- in the directory's manifest
    file TEXT, -- absent where no page could be read
    sha256 TEXT,
    PRIMARY KEY (component, directory, name, version)
) STRICT, WITHOUT ROWID;

-- Components to be made; a row goes when its component is made.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY, -- in the order in which they were queued
    component INTEGER NOT NULL UNIQUE REFERENCES components,
    priority INTEGER NOT NULL, -- 0 counter, 1 backlog
    state TEXT NOT NULL CHECK (state IN ('queued', 'running')),
    attempts INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL DEFAULT 0,
    queued INTEGER NOT NULL
) STRICT;
CREATE INDEX jobs_in_order ON jobs (state, priority, id);

-- What happened. Numbers of rows and words of the program, nobody's names or texts.
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    capture INTEGER,
    component INTEGER,
    dossier INTEGER,
    detail TEXT
) STRICT;
