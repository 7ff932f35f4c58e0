-- Whose store this is: one row, written at the first opening.
CREATE TABLE es_owner (
  one          INTEGER PRIMARY KEY CHECK (one = 1),
  installation TEXT NOT NULL,
  service      TEXT NOT NULL
);
