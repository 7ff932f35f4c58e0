-- State topics that are being told again to a log that has lost them, and how far that has come.
CREATE TABLE es_refill (
  topic     TEXT NOT NULL PRIMARY KEY,
  after_key TEXT NOT NULL
);
