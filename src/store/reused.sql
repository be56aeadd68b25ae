-- Papers that were not brought again: components that are the signed file of another.
CREATE TABLE reused (
    component INTEGER PRIMARY KEY REFERENCES components,
    original INTEGER NOT NULL REFERENCES components
) STRICT;
