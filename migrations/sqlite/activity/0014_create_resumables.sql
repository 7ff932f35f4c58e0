-- Files that come in parts: what is durable of each. A primary store: in no journal until the file is whole.
CREATE TABLE resumable (
  resumable_id BLOB NOT NULL PRIMARY KEY,
  account_id   BLOB NOT NULL,
  session_id   BLOB,
  length       INTEGER NOT NULL,
  received     INTEGER NOT NULL,
  state        TEXT NOT NULL,
  expires_us   INTEGER NOT NULL,
  whole        BLOB NOT NULL
);
CREATE INDEX resumable_by_account ON resumable (account_id);
CREATE INDEX resumable_by_state ON resumable (state, expires_us);

-- The parts in order; each is a blob under a name of its own.
CREATE TABLE resumable_part (
  resumable_id BLOB NOT NULL,
  start        INTEGER NOT NULL,
  size         INTEGER NOT NULL,
  blob         TEXT NOT NULL,
  PRIMARY KEY (resumable_id, start)
);
