-- Accounts that are erased: what is heard of them later is counted, and is nobody's.
CREATE TABLE promo_gone (
    account BLOB NOT NULL PRIMARY KEY
);
