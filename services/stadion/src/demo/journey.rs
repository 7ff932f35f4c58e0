//! The first story: register → workout → achievement → promo → purchase, a step at a time.

use anyhow::{Context, ensure};
use serde_json::Value;

use super::{
    cast::{Cast, Person},
    door::{Answer, Ask, ShopKey},
    story::Story,
};

/// Where the journey takes place.
pub(super) const REGION: &str = "KZ-75";
pub(super) const SHOE: &str = "SHOE-1";
pub(super) const PRICE_MINOR: i64 = 3_999_000;
pub(super) const PERCENT: i64 = 15;

/// The steps, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Operator,
    Marketers,
    Shop,
    Promo,
    Athlete,
    Watch,
    Run,
    SecondUpload,
    Achievement,
    Offer,
    Recommendation,
    Reservation,
    Order,
    SecondOrder,
    Privacy,
}

/// Everything that was acknowledged so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Acknowledged {
    pub operator: Person,
    pub writer: Person,
    pub reviewer: Person,
    pub partner_id: String,
    pub promo_id: String,
    pub athlete: Person,
    pub watch_token: String,
    pub activity_id: String,
    pub distance_m: f64,
    pub achievement_ids: Vec<String>,
    pub xp: f64,
    pub offer_id: String,
    pub product_id: String,
    pub click_token: String,
    pub reservation_id: String,
    pub redemption_id: String,
    pub stranger: Person,
}

/// One journey.
pub struct Journey {
    pub(super) cast: Cast,
    pub(super) told: Acknowledged,
    pub(super) shop: Option<ShopKey>,
    taken: Vec<Step>,
}

impl Story for Journey {
    type Step = Step;

    const STEPS: &'static [Step] = &[
        Step::Operator,
        Step::Marketers,
        Step::Shop,
        Step::Promo,
        Step::Athlete,
        Step::Watch,
        Step::Run,
        Step::SecondUpload,
        Step::Achievement,
        Step::Offer,
        Step::Recommendation,
        Step::Reservation,
        Step::Order,
        Step::SecondOrder,
        Step::Privacy,
    ];

    const REPEATABLE: &'static [Step] =
        &[Step::Run, Step::SecondUpload, Step::Reservation, Step::Order, Step::SecondOrder];

    fn begin(cast: Cast) -> Self {
        Self { cast, told: Acknowledged::default(), shop: None, taken: Vec::new() }
    }

    fn cast(&mut self) -> &mut Cast {
        &mut self.cast
    }

    fn name(step: Step) -> &'static str {
        match step {
            Step::Operator => "an operator is made",
            Step::Marketers => "two marketers are appointed",
            Step::Shop => "a shop brings its products",
            Step::Promo => "a promo is approved",
            Step::Athlete => "an athlete signs up",
            Step::Watch => "she pairs her watch",
            Step::Run => "the watch uploads a run",
            Step::SecondUpload => "and uploads it again",
            Step::Achievement => "the run earns a badge",
            Step::Offer => "the badge earns an offer",
            Step::Recommendation => "a shoe is recommended",
            Step::Reservation => "she reserves the discount",
            Step::Order => "the shop reports the order",
            Step::SecondOrder => "and reports it again",
            Step::Privacy => "a stranger looks",
        }
    }

    async fn take(&mut self, step: Step) -> anyhow::Result<String> {
        let said = match step {
            Step::Operator => self.make_operator().await,
            Step::Marketers => self.appoint_marketers().await,
            Step::Shop => self.open_shop().await,
            Step::Promo => self.approve_promo().await,
            Step::Athlete => self.sign_up_athlete().await,
            Step::Watch => self.pair_watch().await,
            Step::Run => self.upload_run().await,
            Step::SecondUpload => self.upload_again().await,
            Step::Achievement => self.earn_badge().await,
            Step::Offer => self.earn_offer().await,
            Step::Recommendation => self.see_recommendation().await,
            Step::Reservation => self.reserve().await,
            Step::Order => self.order().await,
            Step::SecondOrder => self.order_again().await,
            Step::Privacy => self.let_stranger_look().await,
        }?;
        self.taken.push(step);
        Ok(said)
    }

    async fn holds(&self) -> anyhow::Result<()> {
        for step in &self.taken {
            let held = match step {
                Step::Operator => self.operator_holds().await,
                Step::Marketers => self.marketers_hold().await,
                Step::Shop => self.shop_holds().await,
                Step::Promo => self.promo_holds().await,
                Step::Athlete => self.athlete_holds().await,
                Step::Watch => self.watch_holds().await,
                Step::Run | Step::SecondUpload => self.run_holds().await,
                Step::Achievement => self.badge_holds().await,
                Step::Offer | Step::Recommendation => self.offer_holds().await,
                Step::Reservation => Ok(()),
                Step::Order | Step::SecondOrder => self.order_holds().await,
                Step::Privacy => self.privacy_holds().await,
            };
            held.with_context(|| format!("{} no longer holds", Self::name(*step)))?;
        }
        Ok(())
    }
}

/// The item of a list with this `id`.
pub(super) fn with_id<'a>(answer: &'a Answer, id: &str) -> Option<&'a Value> {
    answer.items().iter().find(|item| item.get("id").and_then(Value::as_str) == Some(id))
}

/// That a list holds exactly one thing, and which.
pub(super) async fn only(ask: Ask) -> anyhow::Result<Value> {
    let answer = ask.expect(200).await?;
    ensure!(answer.items().len() == 1, "one is expected, not {}: {}", answer.items().len(), answer.json);
    Ok(answer.items()[0].clone())
}

/// The text under a key.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
