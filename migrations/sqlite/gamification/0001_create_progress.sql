-- What an account has been told last.
CREATE TABLE progress (
    account_id BLOB NOT NULL PRIMARY KEY,
    xp INTEGER NOT NULL,
    level INTEGER NOT NULL,
    streak_days INTEGER NOT NULL,
    streak_last_day INTEGER NOT NULL
);

-- One small fact for each activity that counts.
CREATE TABLE activity_fact (
    account_id BLOB NOT NULL,
    activity_id BLOB NOT NULL,
    sport TEXT NOT NULL,
    start_us INTEGER NOT NULL,
    end_us INTEGER NOT NULL,
    time_zone TEXT NOT NULL,
    utc_offset_s INTEGER NOT NULL,
    PRIMARY KEY (account_id, activity_id)
);

CREATE INDEX activity_fact_newest ON activity_fact (account_id, start_us);

-- Badges held, with what explains them; because holds an encoded message.
CREATE TABLE achievement (
    achievement_id BLOB NOT NULL PRIMARY KEY,
    account_id BLOB NOT NULL,
    badge TEXT NOT NULL,
    unlocked_us INTEGER NOT NULL,
    rule TEXT NOT NULL,
    rule_version INTEGER NOT NULL,
    because BLOB NOT NULL
);

CREATE INDEX achievement_newest ON achievement (account_id, unlocked_us, achievement_id);
