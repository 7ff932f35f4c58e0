-- A primary store, not a read model: samples are in no journal. The higher version of a key wins; live = 0 is a tombstone.
CREATE TABLE metric (
  account_id BLOB NOT NULL,
  source     TEXT NOT NULL,
  key        TEXT NOT NULL,
  type       TEXT NOT NULL,
  at_us      INTEGER NOT NULL,
  value      REAL NOT NULL,
  version    INTEGER NOT NULL,
  live       INTEGER NOT NULL,
  PRIMARY KEY (account_id, source, key)
);
CREATE INDEX metric_by_time ON metric (account_id, type, at_us) WHERE live = 1;

-- How far each sender has read its own store, in its own words.
CREATE TABLE sync_cursor (
  account_id BLOB NOT NULL,
  source     TEXT NOT NULL,
  session_id BLOB NOT NULL,
  mark       TEXT NOT NULL,
  at_us      INTEGER NOT NULL,
  PRIMARY KEY (account_id, source, session_id)
);
