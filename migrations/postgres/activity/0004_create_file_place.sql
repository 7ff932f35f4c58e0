-- Where the files of this store are kept: what the place calls itself. One row.
CREATE TABLE file_place (
  one      BIGINT NOT NULL PRIMARY KEY,
  identity TEXT NOT NULL
);
