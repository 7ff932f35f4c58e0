-- Projected from activity: by which activity its owner is found by a sport. The last one of a sport takes the row of
-- person_sport along; rows of which no activity is known are not kept.
CREATE TABLE activity_sport (
    activity_id BLOB PRIMARY KEY,
    account_id BLOB NOT NULL,
    sport TEXT NOT NULL
);

CREATE INDEX activity_sport_of ON activity_sport (account_id, sport);

DELETE FROM person_sport;
