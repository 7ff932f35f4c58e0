//! The shop, the promo and the purchase.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::{
    door::{Answer, ShopKey, until},
    journey::{Journey, PERCENT, PRICE_MINOR, REGION, SHOE, only, text, with_id},
};

const PRODUCTS: [(&str, &str, &str); 3] = [
    (SHOE, "Trail shoe Ala-Archa", "39990.00"),
    ("BOTTLE-1", "Bottle 0.6 l", "4990.00"),
    ("CAP-1", "Running cap", "6990.00"),
];

impl Journey {
    pub(super) async fn open_shop(&mut self) -> anyhow::Result<String> {
        let partner = json!({ "name": format!("Sports shop {}", self.cast.tag), "regions": [REGION] });
        let made = self.cast.door.post("/v1/partners").with(&self.told.operator.token).json(&partner);
        let made = made.expect(201).await?;
        self.told.partner_id = made.text("/id")?;
        self.shop = Some(ShopKey { key_id: made.text("/key_id")?, secret: made.text("/secret")? });
        let feed = self.cast.door.put("/partner/v1/feeds/main");
        let feed = feed.signed(self.key()?, "application/xml", feed_xml().into_bytes())?.expect(200).await?;
        ensure!(feed.json.get("products") == Some(&json!(PRODUCTS.len())), "products missing: {}", feed.json);
        self.shop_holds().await?;
        Ok(format!("{} products from a Google Merchant feed, signed", PRODUCTS.len()))
    }

    pub(super) async fn shop_holds(&self) -> anyhow::Result<()> {
        let path = format!("/v1/products?partner={}", self.told.partner_id);
        let token = &self.told.operator.token;
        until(|| self.cast.door.get(&path).with(token), |answer| answer.items().len() == PRODUCTS.len())
            .await?;
        Ok(())
    }

    fn key(&self) -> anyhow::Result<&ShopKey> {
        self.shop.as_ref().context("the shop has no key yet")
    }

    pub(super) async fn approve_promo(&mut self) -> anyhow::Result<String> {
        let (writer, reviewer) = (self.told.writer.token.clone(), self.told.reviewer.token.clone());
        let draft = self.draft()?;
        let written = self.cast.door.post("/v1/promos").with(&writer).json(&draft).expect(201).await?;
        self.told.promo_id = written.text("/id")?;
        let path = format!("/v1/promos/{}", self.told.promo_id);
        let act = |what: &str| self.cast.door.post(&format!("{path}/{what}"));
        act("submit").with(&writer).expect(200).await?;
        let read = self.cast.door.get(&path).with(&reviewer).expect(200).await?;
        let approval = json!({ "revision": read.text("/revision")? });
        let own = act("approve").with(&writer).json(&approval).expect(403).await?;
        ensure!(own.text("/code")? == "own_approval", "its author approved it: {}", own.json);
        act("approve").with(&reviewer).json(&approval).expect(200).await?;
        act("schedule").with(&writer).expect(200).await?;
        self.promo_holds().await?;
        Ok(format!(
            "{PERCENT} % off the shoe for a first run in {REGION}; its author may not approve it, another did"
        ))
    }

    fn draft(&self) -> anyhow::Result<Value> {
        let (yesterday, end) = (self.cast.days_from_now(-1)?.date(), self.cast.days_from_now(29)?.date());
        Ok(json!({
            "name": { "en": "First run: 15 % off", "ru": "Первая пробежка: −15 %" },
            "partner_id": self.told.partner_id,
            "regions": [REGION],
            "trigger": { "badge_unlocked": "first_run" },
            "eligibility": { "all": [{ "region_in": [REGION] }, { "consent": "promo" }] },
            "offer": { "kind": "percent_off", "percent": PERCENT, "product_ids": [SHOE], "valid_days": 14 },
            "budget": {
                "limit": { "amount_minor": 5_000_000, "currency": "KZT" },
                "per_account": { "amount_minor": 1_000_000, "currency": "KZT" },
            },
            "schedule": { "start": format!("{yesterday}T09:00:00"), "end": format!("{end}T00:00:00"), "clock": "region" },
        }))
    }

    /// It runs, and there is one of it.
    pub(super) async fn promo_holds(&self) -> anyhow::Result<()> {
        let path = format!("/v1/promos/{}", self.told.promo_id);
        let token = &self.told.writer.token;
        let running = |answer: &Answer| answer.text("/state").is_ok_and(|state| state == "running");
        until(|| self.cast.door.get(&path).with(token), running).await?;
        let promos = self.cast.door.get("/v1/promos").with(token).expect(200).await?;
        ensure!(with_id(&promos, &self.told.promo_id).is_some(), "not listed: {}", promos.json);
        Ok(())
    }

    fn order_id(&self) -> String {
        format!("A-{}", self.cast.tag)
    }

    pub(super) async fn reserve(&mut self) -> anyhow::Result<String> {
        let token = self.told.athlete.token.clone();
        let click = json!({ "product_id": self.told.product_id, "offer_id": self.told.offer_id });
        let click = self.cast.door.post("/v1/clicks").with(&token).json(&click).expect(201).await?;
        self.told.click_token = click.text("/click_token")?;
        let path = format!("/v1/offers/{}/reservations", self.told.offer_id);
        let wanted = json!({ "order_ref": self.order_id(), "amount": { "amount_minor": PRICE_MINOR, "currency": "KZT" } });
        let reserve = || {
            self.cast.door.post(&path).with(&token).header("Idempotency-Key", &self.cast.tag).json(&wanted)
        };
        let reserved = reserve().expect(201).await?;
        let again = reserve().send().await?;
        ensure!(again.json.get("id") == reserved.json.get("id"), "reserved twice: {}", again.json);
        self.told.reservation_id = reserved.text("/id")?;
        let discount = reserved.number("/discount/amount_minor")?;
        Ok(format!(
            "{:.2} KZT held for order {}; the same key again is the same reservation",
            discount / 100.0,
            self.order_id()
        ))
    }

    async fn report(&self) -> anyhow::Result<Answer> {
        let order = json!({
            "order_id": self.order_id(), "status": "paid", "click_token": self.told.click_token,
            "amount": { "amount_minor": PRICE_MINOR, "currency": "KZT" },
            "items": [{ "product_id": SHOE, "quantity": 1, "amount": { "amount_minor": PRICE_MINOR, "currency": "KZT" } }],
        });
        let report = self.cast.door.post("/partner/v1/orders");
        report.signed(self.key()?, "application/json", serde_json::to_vec(&order)?)?.expect(200).await
    }

    pub(super) async fn order(&mut self) -> anyhow::Result<String> {
        let reported = self.report().await?;
        ensure!(reported.text("/redemption/status")? == "confirmed", "not confirmed: {}", reported.json);
        self.told.redemption_id = reported.text("/redemption/id")?;
        self.order_holds().await?;
        Ok(format!(
            "paid; redemption confirmed by {}; the ledger balances",
            reported.text("/attribution/kind")?
        ))
    }

    pub(super) async fn order_again(&mut self) -> anyhow::Result<String> {
        let reported = self.report().await?;
        ensure!(
            reported.text("/redemption/id")? == self.told.redemption_id,
            "redeemed again: {}",
            reported.json
        );
        self.order_holds().await?;
        Ok("nothing changed: one redemption, one discount".to_owned())
    }

    /// One redemption, the money spent once, the books in balance.
    pub(super) async fn order_holds(&self) -> anyhow::Result<()> {
        let path = format!("/v1/promos/{}/live", self.told.promo_id);
        let token = &self.told.writer.token;
        let redeemed = |answer: &Answer| answer.number("/redeemed").is_ok_and(|count| count > 0.5);
        let live = until(|| self.cast.door.get(&path).with(token), redeemed).await?;
        let spent = live.number("/budget/confirmed/amount_minor")?;
        let once =
            live.json.get("redeemed") == Some(&json!(1)) && live.json.get("granted") == Some(&json!(1));
        ensure!(once, "not once: {}", live.json);
        ensure!((spent - (PRICE_MINOR * PERCENT / 100) as f64).abs() < 1.0, "other money: {}", live.json);
        let ledger = self.cast.door.get(&format!("/v1/promos/{}/ledger", self.told.promo_id)).with(token);
        let ledger = ledger.expect(200).await?;
        ensure!(ledger.json.get("balanced") == Some(&json!(true)), "out of balance: {}", ledger.json);
        let offer = only(self.cast.door.get("/v1/me/offers").with(&self.told.athlete.token)).await?;
        ensure!(text(&offer, "state") == "redeemed", "the offer is not used: {offer}");
        Ok(())
    }
}

fn feed_xml() -> String {
    let items = PRODUCTS.map(|(id, title, price)| {
        format!(
            "<item><g:id>{id}</g:id><g:title>{title}</g:title><g:description>{title}</g:description>\
             <g:link>https://shop.example/p/{id}</g:link><g:image_link>https://shop.example/i/{id}.jpg</g:image_link>\
             <g:price>{price} KZT</g:price><g:availability>in_stock</g:availability><g:condition>new</g:condition>\
             <g:brand>Alatau</g:brand><g:google_product_category>Sporting Goods</g:google_product_category>\
             <g:product_type>running</g:product_type></item>"
        )
    });
    format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\" xmlns:g=\"http://base.google.com/ns/1.0\"><channel>\
         <title>Sports shop</title><link>https://shop.example</link><description>Everything to run in</description>{}\
         </channel></rss>",
        items.concat()
    )
}
