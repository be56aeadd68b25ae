-- Version 8. Components whose entry in the search index is not what was published of them. The database itself writes the row, in
-- the very commit that publishes, places, withdraws or retitles.
CREATE TABLE unindexed (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- another one when the component changes again
    component INTEGER NOT NULL UNIQUE REFERENCES components
) STRICT;
INSERT INTO unindexed (component) SELECT DISTINCT component FROM published ORDER BY component;

CREATE TRIGGER unindexed_when_published AFTER INSERT ON published BEGIN
    DELETE FROM unindexed WHERE component = new.component;
    INSERT INTO unindexed (component) VALUES (new.component);
END;
CREATE TRIGGER unindexed_when_withdrawn AFTER DELETE ON published BEGIN
    DELETE FROM unindexed WHERE component = old.component;
    INSERT INTO unindexed (component) VALUES (old.component);
END;
CREATE TRIGGER unindexed_when_changed AFTER UPDATE OF dossier, title, name, state ON components
WHEN (old.dossier, old.title, old.name, old.state = 'moved') IS NOT (new.dossier, new.title, new.name, new.state = 'moved')
    AND EXISTS (SELECT 1 FROM published WHERE component = new.id)
BEGIN
    DELETE FROM unindexed WHERE component = new.id;
    INSERT INTO unindexed (component) VALUES (new.id);
END;
