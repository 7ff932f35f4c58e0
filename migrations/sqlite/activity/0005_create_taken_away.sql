-- What was taken away of an account, and up to where in our journal: what was begun before must not bring it back.
CREATE TABLE taken_away (
  account_id   BLOB NOT NULL PRIMARY KEY,
  erased       INTEGER NOT NULL,
  withdrawals  INTEGER NOT NULL,
  health_until INTEGER NOT NULL
);
