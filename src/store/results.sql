-- Codes of digitised results, the catalogue of procedures, and what is still to be entered of a component.

-- The code of a paper (mã kết quả số hóa): of all versions of its component, given once and never changed.
CREATE TABLE results (
    dossier INTEGER NOT NULL REFERENCES dossiers,
    name TEXT NOT NULL COLLATE NOCASE, -- of the component's files
    code TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL, -- identification of the paper's owner; empty where it is not known
    type TEXT NOT NULL, -- mã loại giấy tờ
    number INTEGER NOT NULL, -- runs for each owner and type
    given INTEGER NOT NULL,
    PRIMARY KEY (dossier, name),
    UNIQUE (owner, type, number)
) STRICT, WITHOUT ROWID;

-- Components of dossiers that were made or signed and are still to be entered: their data read, their code given. The
-- database itself writes the row, in the very commit that writes the state.
CREATE TABLE unentered (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- another one when the component changes again
    component INTEGER NOT NULL UNIQUE REFERENCES components,
    attempts INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO unentered (component)
SELECT id FROM components WHERE state IN ('unsigned', 'done') AND dossier IS NOT NULL ORDER BY id;

CREATE TRIGGER unentered_when_made AFTER UPDATE OF state ON components
WHEN new.state IN ('unsigned', 'done') AND new.dossier IS NOT NULL
BEGIN
    DELETE FROM unentered WHERE component = new.id;
    INSERT INTO unentered (component) VALUES (new.id);
END;

-- What a person or a paper says of a dossier.
ALTER TABLE dossiers ADD COLUMN procedure TEXT; -- mã thủ tục hành chính
ALTER TABLE dossiers ADD COLUMN owner TEXT; -- identification of who hands it in

-- The dossiers of a day of receipt, as their codes have it.
CREATE INDEX dossiers_by_receipt ON dossiers (substr(code, instr(code, '-') + 1, 6));

-- The catalogue of procedures (danh mục thủ tục hành chính), as it was imported.
CREATE TABLE procedures (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE procedure_components (
    procedure TEXT NOT NULL REFERENCES procedures,
    position INTEGER NOT NULL, -- in the order of the catalogue
    code TEXT, -- mã thành phần hồ sơ
    name TEXT NOT NULL,
    class INTEGER CHECK (class BETWEEN 1 AND 5), -- of those that must be digitised; absent: on request only
    result_type TEXT, -- mã loại giấy tờ kết quả
    PRIMARY KEY (procedure, position)
) STRICT, WITHOUT ROWID;

-- Finished components that were looked at for the store of owners' papers; one with several files has several folders.
CREATE TABLE filed (
    component INTEGER NOT NULL REFERENCES components,
    folder TEXT, -- below the root of that store; absent where no owner was known
    UNIQUE (component, folder)
) STRICT;

-- Keys of this installation, made where they are first needed.
CREATE TABLE keys (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
