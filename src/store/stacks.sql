-- Version 4. A component may have some pages of a capture: a stack out of the feeder is divided by the sheets in it. So a
-- capture may be in one component more than once, with different pages.
CREATE TABLE captures_in_components (
    component INTEGER NOT NULL REFERENCES components,
    capture INTEGER NOT NULL REFERENCES captures,
    name TEXT NOT NULL, -- path below the watched folder
    position INTEGER NOT NULL DEFAULT 0,
    first_page INTEGER NOT NULL DEFAULT 1,
    last_page INTEGER, -- absent: to the end of the file
    PRIMARY KEY (component, capture, first_page)
) STRICT, WITHOUT ROWID;
INSERT INTO captures_in_components (component, capture, name, position)
SELECT component, capture, name, position FROM component_captures;
DROP TABLE component_captures;
ALTER TABLE captures_in_components RENAME TO component_captures;
CREATE INDEX components_of_capture ON component_captures (capture);
