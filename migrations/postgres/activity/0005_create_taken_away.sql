-- What was taken away of an account, and up to where in our journal: what was begun before must not bring it back.
CREATE TABLE taken_away (
  account_id   BYTEA NOT NULL PRIMARY KEY,
  erased       BIGINT NOT NULL,
  withdrawals  BIGINT NOT NULL,
  health_until BIGINT NOT NULL
);
