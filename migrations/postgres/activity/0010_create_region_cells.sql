-- Who agreed to be compared with others, and where they are.
CREATE TABLE comparer (
  account_id BYTEA NOT NULL PRIMARY KEY,
  region     TEXT,
  agrees     BIGINT NOT NULL
);
CREATE INDEX comparer_by_region ON comparer (region) WHERE agrees = 1;

-- What is usual in a region, a sport (empty: all) and a period that is over: written once, and never again. A primary
-- store: who agreed at that time stands nowhere else.
CREATE TABLE region_cell (
  region    TEXT NOT NULL,
  sport     TEXT NOT NULL,
  period    TEXT NOT NULL,
  first_day BIGINT NOT NULL,
  typical   BYTEA NOT NULL,
  PRIMARY KEY (region, sport, period, first_day)
);

-- How far each recomputation of the past has come.
CREATE TABLE recompute_run (
  name     TEXT NOT NULL PRIMARY KEY,
  position BIGINT NOT NULL,
  ended    BIGINT NOT NULL
);
