-- Accounts as others must know them: written in the append that changes them, read at the head.
CREATE TABLE account (
    account_id BLOB PRIMARY KEY,
    email      TEXT,
    standing   BLOB NOT NULL,
    created_us INTEGER NOT NULL
);

-- Primary: passwords never stand in the journal.
CREATE TABLE credential (
    account_id BLOB PRIMARY KEY,
    hash       TEXT NOT NULL,
    changed_us INTEGER NOT NULL
);

CREATE TABLE partner (
    partner_id BLOB PRIMARY KEY,
    name       TEXT NOT NULL,
    regions    TEXT NOT NULL,
    key_id     TEXT NOT NULL UNIQUE,
    secret     BLOB NOT NULL,
    created_us INTEGER NOT NULL
);

CREATE TABLE subject_key (
    subject      BLOB NOT NULL,
    class        INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    wrapped      BLOB,
    created_us   INTEGER NOT NULL,
    destroyed_us INTEGER,
    PRIMARY KEY (subject, class, version)
);

CREATE TABLE signing_key (
    kid       TEXT PRIMARY KEY,
    public    BLOB NOT NULL,
    wrapped   BLOB,
    active_us INTEGER NOT NULL
);

CREATE TABLE registration (
    registration_id    BLOB PRIMARY KEY,
    code_hash          BLOB NOT NULL,
    guardian_code_hash BLOB,
    tries              INTEGER NOT NULL,
    sealed             BLOB NOT NULL,
    created_us         INTEGER NOT NULL,
    expires_us         INTEGER NOT NULL
);

CREATE TABLE reset (
    email_key  BLOB NOT NULL,
    origin     TEXT NOT NULL,
    code_hash  BLOB NOT NULL,
    tries      INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    PRIMARY KEY (email_key, origin)
);

CREATE TABLE session (
    session_id  BLOB PRIMARY KEY,
    account_id  BLOB NOT NULL,
    client_id   TEXT NOT NULL,
    device_name TEXT,
    scope       TEXT NOT NULL,
    created_us  INTEGER NOT NULL,
    seen_us     INTEGER NOT NULL,
    expires_us  INTEGER NOT NULL,
    ended_us    INTEGER
);
CREATE INDEX session_by_account ON session (account_id, created_us);

-- A family is a session's chain of tokens: one is unused, the others are remembered to notice theft.
CREATE TABLE refresh (
    token_hash BLOB PRIMARY KEY,
    session_id BLOB NOT NULL,
    issued_us  INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    used_us    INTEGER,
    retries    INTEGER NOT NULL
);
CREATE INDEX refresh_by_session ON refresh (session_id);

CREATE TABLE device_grant (
    device_hash BLOB PRIMARY KEY,
    user_hash   BLOB NOT NULL UNIQUE,
    client_id   TEXT NOT NULL,
    scope       TEXT NOT NULL,
    device_name TEXT,
    interval_s  INTEGER NOT NULL,
    polled_us   INTEGER NOT NULL,
    expires_us  INTEGER NOT NULL,
    state       TEXT NOT NULL,
    account_id  BLOB
);

CREATE TABLE throttle (
    scope     TEXT NOT NULL,
    key       BLOB NOT NULL,
    window_us INTEGER NOT NULL,
    count     INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
);

CREATE TABLE revocation (
    key              TEXT PRIMARY KEY,
    id               BLOB NOT NULL,
    account          INTEGER NOT NULL,
    revoke_before_us INTEGER NOT NULL,
    revision         INTEGER NOT NULL
);
