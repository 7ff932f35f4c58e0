-- A primary store, not a read model: samples are in no journal. The higher version of a key wins; live = 0 is a tombstone.
CREATE TABLE metric (
  account_id BYTEA NOT NULL,
  source     TEXT NOT NULL,
  key        TEXT NOT NULL,
  type       TEXT NOT NULL,
  at_us      BIGINT NOT NULL,
  value      DOUBLE PRECISION NOT NULL,
  version    BIGINT NOT NULL,
  live       BIGINT NOT NULL,
  PRIMARY KEY (account_id, source, key)
);
CREATE INDEX metric_by_time ON metric (account_id, type, at_us) WHERE live = 1;

-- How far each sender has read its own store, in its own words.
CREATE TABLE sync_cursor (
  account_id BYTEA NOT NULL,
  source     TEXT NOT NULL,
  session_id BYTEA NOT NULL,
  mark       TEXT NOT NULL,
  at_us      BIGINT NOT NULL,
  PRIMARY KEY (account_id, source, session_id)
);
