-- Read models of the journal and of plans among the blobs: disposable.
CREATE TABLE import (
  import_id  BYTEA NOT NULL PRIMARY KEY,
  account_id BYTEA NOT NULL,
  state      TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  whole      BYTEA NOT NULL
);
CREATE INDEX import_by_account ON import (account_id);
CREATE INDEX import_unfinished ON import (created_us) WHERE state IN ('planning', 'running', 'rolling_back');

-- The files of an import, in the order of its archive.
CREATE TABLE import_file (
  import_id  BYTEA NOT NULL,
  number     BIGINT NOT NULL,
  account_id BYTEA NOT NULL,
  whole      BYTEA NOT NULL,
  PRIMARY KEY (import_id, number)
);
CREATE INDEX import_file_by_account ON import_file (account_id);
