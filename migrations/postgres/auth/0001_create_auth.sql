-- Accounts as others must know them: written in the append that changes them, read at the head.
CREATE TABLE account (
    account_id BYTEA PRIMARY KEY,
    email      TEXT,
    standing   BYTEA NOT NULL,
    created_us BIGINT NOT NULL
);

-- Primary: passwords never stand in the journal.
CREATE TABLE credential (
    account_id BYTEA PRIMARY KEY,
    hash       TEXT NOT NULL,
    changed_us BIGINT NOT NULL
);

CREATE TABLE partner (
    partner_id BYTEA PRIMARY KEY,
    name       TEXT NOT NULL,
    regions    TEXT NOT NULL,
    key_id     TEXT NOT NULL UNIQUE,
    secret     BYTEA NOT NULL,
    created_us BIGINT NOT NULL
);

CREATE TABLE subject_key (
    subject      BYTEA NOT NULL,
    class        BIGINT NOT NULL,
    version      BIGINT NOT NULL,
    wrapped      BYTEA,
    created_us   BIGINT NOT NULL,
    destroyed_us BIGINT,
    PRIMARY KEY (subject, class, version)
);

CREATE TABLE signing_key (
    kid       TEXT PRIMARY KEY,
    public    BYTEA NOT NULL,
    wrapped   BYTEA,
    active_us BIGINT NOT NULL
);

CREATE TABLE registration (
    registration_id    BYTEA PRIMARY KEY,
    code_hash          BYTEA NOT NULL,
    guardian_code_hash BYTEA,
    tries              BIGINT NOT NULL,
    sealed             BYTEA NOT NULL,
    created_us         BIGINT NOT NULL,
    expires_us         BIGINT NOT NULL
);

CREATE TABLE reset (
    email_key  BYTEA NOT NULL,
    origin     TEXT NOT NULL,
    code_hash  BYTEA NOT NULL,
    tries      BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    PRIMARY KEY (email_key, origin)
);

CREATE TABLE session (
    session_id  BYTEA PRIMARY KEY,
    account_id  BYTEA NOT NULL,
    client_id   TEXT NOT NULL,
    device_name TEXT,
    scope       TEXT NOT NULL,
    created_us  BIGINT NOT NULL,
    seen_us     BIGINT NOT NULL,
    expires_us  BIGINT NOT NULL,
    ended_us    BIGINT
);
CREATE INDEX session_by_account ON session (account_id, created_us);

-- A family is a session's chain of tokens: one is unused, the others are remembered to notice theft.
CREATE TABLE refresh (
    token_hash BYTEA PRIMARY KEY,
    session_id BYTEA NOT NULL,
    issued_us  BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    used_us    BIGINT,
    retries    BIGINT NOT NULL
);
CREATE INDEX refresh_by_session ON refresh (session_id);

CREATE TABLE device_grant (
    device_hash BYTEA PRIMARY KEY,
    user_hash   BYTEA NOT NULL UNIQUE,
    client_id   TEXT NOT NULL,
    scope       TEXT NOT NULL,
    device_name TEXT,
    interval_s  BIGINT NOT NULL,
    polled_us   BIGINT NOT NULL,
    expires_us  BIGINT NOT NULL,
    state       TEXT NOT NULL,
    account_id  BYTEA
);

CREATE TABLE throttle (
    scope     TEXT NOT NULL,
    key       BYTEA NOT NULL,
    window_us BIGINT NOT NULL,
    count     BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
);

CREATE TABLE revocation (
    key              TEXT PRIMARY KEY,
    id               BYTEA NOT NULL,
    account          BIGINT NOT NULL,
    revoke_before_us BIGINT NOT NULL,
    revision         BIGINT NOT NULL
);
