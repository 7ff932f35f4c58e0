-- When each activity began, those that others show and deleted ones too: where twins are looked for.
CREATE TABLE activity_start (
  activity_id BYTEA NOT NULL PRIMARY KEY,
  account_id  BYTEA NOT NULL,
  start_us    BIGINT NOT NULL,
  revision    BIGINT NOT NULL
);
CREATE INDEX activity_start_by_account ON activity_start (account_id, start_us);
INSERT INTO activity_start (activity_id, account_id, start_us, revision)
  SELECT activity_id, account_id, start_us, revision FROM activity;

-- What is held against activities, for who decides about it.
CREATE TABLE verdict_case (
  activity_id BYTEA NOT NULL PRIMARY KEY,
  account_id  BYTEA NOT NULL,
  state       TEXT NOT NULL,
  since_us    BIGINT NOT NULL
);
CREATE INDEX verdict_case_by_state ON verdict_case (state, since_us, activity_id);
