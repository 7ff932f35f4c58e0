-- The newest change of each account that its standing shows: what the state topic `auth.standings` is served from.
CREATE TABLE standing_change (
    account_id BLOB NOT NULL PRIMARY KEY,
    revision   INTEGER NOT NULL
);
