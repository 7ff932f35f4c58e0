-- Read models of the journal: disposable, rebuilt from it and from the blobs.
CREATE TABLE activity (
  activity_id BLOB NOT NULL PRIMARY KEY,
  account_id  BLOB NOT NULL,
  start_us    INTEGER NOT NULL,
  sport       TEXT NOT NULL,
  live        INTEGER NOT NULL,
  revision    INTEGER NOT NULL,
  whole       BLOB NOT NULL
);
CREATE INDEX activity_by_account ON activity (account_id, start_us DESC, activity_id) WHERE live = 1;

-- Columns of samples in chunks of at most 128 kB.
CREATE TABLE activity_stream (
  activity_id BLOB NOT NULL,
  stream      TEXT NOT NULL,
  chunk       INTEGER NOT NULL,
  data        BLOB NOT NULL,
  PRIMARY KEY (activity_id, stream, chunk)
);

CREATE TABLE upload (
  upload_id   BLOB NOT NULL PRIMARY KEY,
  account_id  BLOB NOT NULL,
  session_id  BLOB,
  original_id BLOB,
  state       TEXT NOT NULL,
  received_us INTEGER NOT NULL,
  whole       BLOB NOT NULL
);
CREATE INDEX upload_by_account ON upload (account_id, received_us DESC, upload_id);
CREATE INDEX upload_waiting ON upload (received_us) WHERE state = 'received';

CREATE TABLE daily (
  daily_id       BLOB NOT NULL PRIMARY KEY,
  account_id     BLOB NOT NULL,
  source         TEXT NOT NULL,
  type           TEXT NOT NULL,
  date           TEXT NOT NULL,
  value          REAL NOT NULL,
  spans          BLOB NOT NULL,
  health         INTEGER NOT NULL,
  live           INTEGER NOT NULL,
  client_version INTEGER NOT NULL
);
CREATE INDEX daily_by_account ON daily (account_id, type, date) WHERE live = 1;
