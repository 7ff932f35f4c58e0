//! The journey: register → workout → achievement → promo → purchase, a step at a time.
//!
//! A step *acts* once and can say at any later time whether what it was told *holds*: that is how the same journey is
//! the demo, the end-to-end test and the test that kills the process between any two steps.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::door::{Answer, Ask, Door, ShopKey};

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

pub const STEPS: [Step; 15] = [
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

impl Step {
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "an operator is made",
            Self::Marketers => "two marketers are appointed",
            Self::Shop => "a shop brings its products",
            Self::Promo => "a promo is approved",
            Self::Athlete => "an athlete signs up",
            Self::Watch => "she pairs her watch",
            Self::Run => "the watch uploads a run",
            Self::SecondUpload => "and uploads it again",
            Self::Achievement => "the run earns a badge",
            Self::Offer => "the badge earns an offer",
            Self::Recommendation => "a shoe is recommended",
            Self::Reservation => "she reserves the discount",
            Self::Order => "the shop reports the order",
            Self::SecondOrder => "and reports it again",
            Self::Privacy => "a stranger looks",
        }
    }
}

/// Somebody signed in.
#[derive(Clone, Debug, Default)]
pub struct Person {
    pub email: String,
    pub account_id: String,
    pub token: String,
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
    pub(super) door: Door,
    pub(super) data: PathBuf,
    /// Tells this journey's people and orders apart from another's on the same folder.
    pub(super) tag: String,
    pub(super) told: Acknowledged,
    pub(super) shop: Option<ShopKey>,
    /// The installation was started again meanwhile: a step may have happened without having been answered.
    pub(super) started_again: bool,
    taken: Vec<Step>,
}

impl Journey {
    /// `data`: the folder of the installation, for its mail and its tools.
    ///
    /// # Errors
    /// No HTTP client.
    pub fn new(base: &str, data: PathBuf) -> anyhow::Result<Self> {
        let tag = uuid::Uuid::new_v4().simple().to_string()[..8].to_owned();
        let told = Acknowledged::default();
        Ok(Self {
            door: Door::new(base)?,
            data,
            tag,
            told,
            shop: None,
            started_again: false,
            taken: Vec::new(),
        })
    }

    /// The installation serves at another address now.
    ///
    /// # Errors
    /// No HTTP client.
    pub fn moved_to(&mut self, base: &str) -> anyhow::Result<()> {
        self.door = Door::new(base)?;
        self.started_again = true;
        Ok(())
    }

    /// Takes a step; what happened, in a line.
    ///
    /// # Errors
    /// The first thing that was not as it should be.
    pub async fn take(&mut self, step: Step) -> anyhow::Result<String> {
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

    /// Whether everything acknowledged so far is there, once.
    ///
    /// # Errors
    /// The first thing that is not.
    pub async fn holds(&self) -> anyhow::Result<()> {
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
            held.with_context(|| format!("{} no longer holds", step.name()))?;
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
