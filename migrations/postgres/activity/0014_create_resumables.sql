-- Files that come in parts: what is durable of each. A primary store: in no journal until the file is whole.
CREATE TABLE resumable (
  resumable_id BYTEA NOT NULL PRIMARY KEY,
  account_id   BYTEA NOT NULL,
  session_id   BYTEA,
  length       BIGINT NOT NULL,
  received     BIGINT NOT NULL,
  state        TEXT NOT NULL,
  expires_us   BIGINT NOT NULL,
  whole        BYTEA NOT NULL
);
CREATE INDEX resumable_by_account ON resumable (account_id);
CREATE INDEX resumable_by_state ON resumable (state, expires_us);

-- The parts in order; each is a blob under a name of its own.
CREATE TABLE resumable_part (
  resumable_id BYTEA NOT NULL,
  start        BIGINT NOT NULL,
  size         BIGINT NOT NULL,
  blob         TEXT NOT NULL,
  PRIMARY KEY (resumable_id, start)
);
