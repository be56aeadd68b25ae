-- Version 6. What people decided of pages of captures, in place of what was found: one JSON object a page.
CREATE TABLE edits (
    capture INTEGER NOT NULL REFERENCES captures,
    page INTEGER NOT NULL, -- its number in the capture, from 1
    edit TEXT NOT NULL,
    account INTEGER REFERENCES accounts, -- who decided last
    changed INTEGER NOT NULL,
    PRIMARY KEY (capture, page)
) STRICT, WITHOUT ROWID;

-- How many pages a capture has, once it was opened.
ALTER TABLE captures ADD COLUMN pages INTEGER;

-- Pages that people left out of a component, and may put back.
CREATE TABLE left_out (
    component INTEGER NOT NULL REFERENCES components,
    capture INTEGER NOT NULL REFERENCES captures,
    page INTEGER NOT NULL,
    name TEXT NOT NULL, -- as in component_captures
    PRIMARY KEY (component, capture, page)
) STRICT, WITHOUT ROWID;
