-- Read models of promo: disposable, rebuilt from its journal. Ids are 16-byte blobs, times microseconds, money minor units.

CREATE TABLE promo_campaign (
    id BLOB PRIMARY KEY,
    state TEXT NOT NULL,
    revision TEXT NOT NULL,
    author BLOB NOT NULL,
    partner BLOB NOT NULL,
    badge TEXT NOT NULL,
    terms BLOB NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL
);

CREATE INDEX promo_campaign_newest ON promo_campaign (created_us, id);

CREATE INDEX promo_campaign_badge ON promo_campaign (badge, state);

CREATE TABLE promo_campaign_region (
    region TEXT NOT NULL,
    campaign BLOB NOT NULL,
    PRIMARY KEY (region, campaign)
);

CREATE INDEX promo_campaign_region_campaign ON promo_campaign_region (campaign);

CREATE TABLE promo_offer (
    id BLOB PRIMARY KEY,
    campaign BLOB NOT NULL,
    account BLOB NOT NULL,
    partner BLOB NOT NULL,
    state TEXT NOT NULL,
    terms BLOB NOT NULL,
    code_lookup BLOB NOT NULL,
    valid_until_us INTEGER NOT NULL,
    granted_us INTEGER NOT NULL
);

CREATE INDEX promo_offer_account ON promo_offer (account, granted_us, id);

CREATE INDEX promo_offer_campaign ON promo_offer (campaign, state);

CREATE INDEX promo_offer_code ON promo_offer (code_lookup);

CREATE TABLE promo_redemption (
    id BLOB PRIMARY KEY,
    campaign BLOB NOT NULL,
    account BLOB NOT NULL,
    state TEXT NOT NULL,
    changed_us INTEGER NOT NULL
);

CREATE INDEX promo_redemption_campaign ON promo_redemption (campaign, state);

CREATE INDEX promo_redemption_account ON promo_redemption (account, state, changed_us);

CREATE TABLE promo_product (
    id BLOB PRIMARY KEY,
    partner BLOB NOT NULL,
    feed TEXT NOT NULL,
    feed_product TEXT NOT NULL,
    words TEXT NOT NULL,
    available INTEGER NOT NULL,
    listed_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    product BLOB NOT NULL
);

CREATE INDEX promo_product_partner ON promo_product (partner, feed_product);

CREATE INDEX promo_product_newest ON promo_product (available, listed_us);

CREATE TABLE promo_click (
    click BLOB PRIMARY KEY,
    account BLOB NOT NULL,
    campaign BLOB,
    at_us INTEGER NOT NULL
);

CREATE INDEX promo_click_campaign ON promo_click (campaign);

CREATE INDEX promo_click_account ON promo_click (account);

-- Clicks of a product in a region: nobody's in particular.
CREATE TABLE promo_liked (
    region TEXT NOT NULL,
    product BLOB NOT NULL,
    clicks INTEGER NOT NULL,
    PRIMARY KEY (region, product)
);

-- Where a partner sells; `*` = everywhere.
CREATE TABLE promo_partner_region (
    region TEXT NOT NULL,
    partner BLOB NOT NULL,
    PRIMARY KEY (region, partner)
);
