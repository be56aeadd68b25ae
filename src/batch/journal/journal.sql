CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- A dossier's folder in the source: what is made in one go.
CREATE TABLE units (
    id INTEGER PRIMARY KEY,
    box TEXT NOT NULL,                       -- folder of the box, relative to the source; '' = none
    source TEXT NOT NULL UNIQUE,             -- folder or file, relative to the source; of a file list "list:CODE"
    name TEXT NOT NULL,                      -- directory in the output, below that of the box
    code TEXT,                               -- the dossier's code (mã hồ sơ)
    files INTEGER NOT NULL,
    pages INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    mark TEXT NOT NULL,                      -- hash of names, sizes and times: another mark, and it is made again
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'working', 'done', 'failed')),
    seen INTEGER NOT NULL,                   -- number of the plan that saw it last
    attempts INTEGER NOT NULL DEFAULT 0,     -- begun, and no page came to an end
    began INTEGER,                           -- milliseconds since 1970
    ended INTEGER,
    components INTEGER NOT NULL DEFAULT 0,
    made INTEGER NOT NULL DEFAULT 0,         -- pages in its components
    doubted INTEGER NOT NULL DEFAULT 0,      -- of these, pages whose quality is doubted
    set_aside INTEGER NOT NULL DEFAULT 0,    -- captures that could not be read
    unsigned INTEGER NOT NULL DEFAULT 0,     -- components that wait for their signature
    reason TEXT,                             -- why it failed
    reason_en TEXT,
    UNIQUE (box, name)
) STRICT;
CREATE INDEX units_by_state ON units (state, id);
CREATE INDEX units_by_code ON units (code);

-- Rows of the index.
CREATE TABLE listed (
    line INTEGER PRIMARY KEY,                -- where it stands in the index
    code TEXT NOT NULL,
    title TEXT,
    year TEXT,
    box TEXT,
    pages INTEGER,                           -- as many as the index says
    component TEXT,
    path TEXT                                -- file or folder, relative to the source
) STRICT;
CREATE INDEX listed_by_code ON listed (code);

-- Files that became pages.
CREATE TABLE captures (
    unit INTEGER NOT NULL REFERENCES units,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL
) STRICT;
CREATE INDEX captures_by_hash ON captures (sha256);
CREATE INDEX captures_by_unit ON captures (unit);

-- What a person should know.
CREATE TABLE findings (
    id INTEGER PRIMARY KEY,
    unit INTEGER REFERENCES units,           -- none: of the source or the index as a whole
    component TEXT,
    page INTEGER,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    detail_en TEXT NOT NULL,
    picture TEXT                             -- file in the report's folder
) STRICT;
CREATE INDEX findings_by_unit ON findings (unit);

-- Each page's time: which was made when, for the rate and to know that none is made twice.
CREATE TABLE ticks (
    time INTEGER PRIMARY KEY,
    pages INTEGER NOT NULL,                  -- finished since the beginning
    left_ms INTEGER                          -- what was said to be left then
) STRICT;

-- Pages that a person looks at, and what they say of the box.
CREATE TABLE samples (
    unit INTEGER NOT NULL REFERENCES units,
    component TEXT NOT NULL,
    page INTEGER NOT NULL,
    picture TEXT NOT NULL,
    PRIMARY KEY (unit, component, page)
) STRICT;
CREATE TABLE verdicts (
    box TEXT PRIMARY KEY,
    accepted INTEGER NOT NULL,
    reason TEXT,
    who TEXT NOT NULL,
    time INTEGER NOT NULL
) STRICT;
