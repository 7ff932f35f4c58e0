-- Rows of social. Ids are 16-byte blobs, times microseconds.

-- Inline: written in the append that decided them, both directions of each pair.
-- rel: 1 friend, 2 invited, 3 received, 4 following, 5 follower, 6 requested, 7 requester, 8 blocks, 9 blocked by.
CREATE TABLE edge (
    owner BLOB NOT NULL,
    other BLOB NOT NULL,
    rel INTEGER NOT NULL,
    since_us INTEGER NOT NULL,
    PRIMARY KEY (owner, other, rel)
) WITHOUT ROWID;

CREATE INDEX edge_newest ON edge (owner, rel, since_us DESC, other DESC);

-- Inline: invitations of the last day, for the daily limit.
CREATE TABLE invitation_sent (
    account_id BLOB NOT NULL,
    at_us INTEGER NOT NULL,
    other BLOB NOT NULL,
    PRIMARY KEY (account_id, at_us, other)
) WITHOUT ROWID;

-- Inline. sports: words separated by one space, with one at both ends.
CREATE TABLE club (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    region TEXT,
    sports TEXT NOT NULL,
    capacity INTEGER,
    members INTEGER NOT NULL,
    created_us INTEGER NOT NULL
);

CREATE INDEX club_newest ON club (created_us DESC, id DESC);

CREATE INDEX club_region ON club (region, created_us DESC, id DESC);

-- Inline. state: member, requested, invited, banned; role: empty unless member.
CREATE TABLE member (
    group_id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    state TEXT NOT NULL,
    role TEXT NOT NULL,
    since_us INTEGER NOT NULL,
    PRIMARY KEY (group_id, account_id)
) WITHOUT ROWID;

CREATE INDEX member_of ON member (account_id, state, group_id);

CREATE INDEX member_oldest ON member (group_id, state, since_us, account_id);

-- Inline.
CREATE TABLE kudos (
    item BLOB NOT NULL,
    account_id BLOB NOT NULL,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (item, account_id)
) WITHOUT ROWID;

CREATE INDEX kudos_by ON kudos (account_id, at_us, item);

-- Inline.
CREATE TABLE comment (
    id BLOB PRIMARY KEY,
    item BLOB NOT NULL,
    author_id BLOB NOT NULL,
    text TEXT NOT NULL,
    at_us INTEGER NOT NULL
);

CREATE INDEX comment_oldest ON comment (item, at_us, id);

CREATE INDEX comment_by ON comment (author_id, item);

-- Projected from auth: whom search may find. name_key: the folded words, separated by one space.
CREATE TABLE person (
    account_id BLOB PRIMARY KEY,
    name_key TEXT NOT NULL,
    region TEXT,
    searchable INTEGER NOT NULL,
    erased INTEGER NOT NULL
);

CREATE INDEX person_region ON person (region, account_id);

CREATE TABLE person_token (
    token BLOB NOT NULL,
    account_id BLOB NOT NULL,
    PRIMARY KEY (token, account_id)
) WITHOUT ROWID;

CREATE INDEX person_token_of ON person_token (account_id);

-- The words that somebody bears, and those by three of their letters.
CREATE TABLE name_word (
    token BLOB PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE word_gram (
    gram BLOB NOT NULL,
    token BLOB NOT NULL,
    PRIMARY KEY (gram, token)
) WITHOUT ROWID;

-- Projected from activity.
CREATE TABLE person_sport (
    account_id BLOB NOT NULL,
    sport TEXT NOT NULL,
    PRIMARY KEY (account_id, sport)
) WITHOUT ROWID;

CREATE INDEX person_sport_of ON person_sport (sport, account_id);

-- Projected from activity and gamification. subject: the activity or the challenge.
CREATE TABLE post (
    item BLOB PRIMARY KEY,
    author BLOB NOT NULL,
    at_us INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject BLOB,
    badge TEXT NOT NULL,
    place INTEGER NOT NULL,
    shown INTEGER NOT NULL
);

CREATE INDEX post_newest ON post (author, at_us DESC, item DESC);

-- Projected from the own journal: the state topic of changed relations.
CREATE TABLE relation_state (
    account_id BLOB PRIMARY KEY,
    revision INTEGER NOT NULL
);
