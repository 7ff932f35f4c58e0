-- The log: a stored row is a batch of records of one partition.
CREATE TABLE bus_batch (
  topic        TEXT NOT NULL,
  part         INTEGER NOT NULL,
  first_offset INTEGER NOT NULL,
  next_offset  INTEGER NOT NULL,
  key          TEXT,
  body         BLOB NOT NULL,
  at_us        INTEGER NOT NULL,
  PRIMARY KEY (topic, part, first_offset)
);
-- State topics keep the newest value of a key.
CREATE INDEX bus_batch_key ON bus_batch (topic, part, key) WHERE key IS NOT NULL;
CREATE INDEX bus_batch_at ON bus_batch (at_us) WHERE key IS NULL;

-- The end of each partition, also after old batches were swept.
CREATE TABLE bus_part (
  topic       TEXT NOT NULL,
  part        INTEGER NOT NULL,
  next_offset INTEGER NOT NULL,
  PRIMARY KEY (topic, part)
);
