-- Looking through what happened: by day, by person, by dossier, by component.
CREATE INDEX events_by_time ON events (time);
CREATE INDEX events_of_account ON events (account, time) WHERE account IS NOT NULL;
CREATE INDEX arrivals_by_time ON arrivals (received);
CREATE INDEX events_of_component ON events (component, time) WHERE component IS NOT NULL;
