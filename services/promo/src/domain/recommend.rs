//! What to show to whom, and why: hard filters first, then candidates, then a score with some variety.

use std::collections::{BTreeSet, HashMap};

use super::ids::{OfferId, PartnerId, ProductId};

/// A product that can be bought where the account is; what cannot never becomes one.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub product: ProductId,
    pub partner: PartnerId,
    pub feed_product: String,
    /// Title, type and brand in lower case: what sports are looked for in.
    pub words: String,
    /// Clicks in the region lately.
    pub clicks: u64,
    /// Newer is higher.
    pub listed_at_us: i64,
}

/// What is known of somebody who agreed to personal recommendations.
#[derive(Clone, Debug, Default)]
pub struct Taste {
    /// Practised, the most often first.
    pub sports: Vec<String>,
    pub offers: Vec<HeldOffer>,
}

#[derive(Clone, Debug)]
pub struct HeldOffer {
    pub offer: OfferId,
    pub partner: PartnerId,
    /// Empty: everything of the partner.
    pub product_ids: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    Offer(OfferId),
    Sport(String),
    RegionalFavourite,
    New,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    pub product: ProductId,
    pub why: Why,
    pub offer: Option<OfferId>,
}

/// At most this many in a row from one partner while others have something.
const RUN_MAX: usize = 3;

/// The best first. Without a taste (no consent) only what is liked or new in the region.
pub fn pick(taste: Option<&Taste>, candidates: &[Candidate], limit: usize) -> Vec<Pick> {
    let mut scored: Vec<(i64, &Candidate, Pick)> =
        candidates.iter().map(|candidate| score(taste, candidate)).collect();
    scored.sort_by(|one, two| {
        let newer = || two.1.listed_at_us.cmp(&one.1.listed_at_us);
        two.0.cmp(&one.0).then_with(newer).then_with(|| one.1.product.cmp(&two.1.product))
    });
    varied(scored.into_iter().map(|(_, candidate, pick)| (candidate.partner, pick)).collect(), limit)
}

fn score<'a>(taste: Option<&Taste>, candidate: &'a Candidate) -> (i64, &'a Candidate, Pick) {
    let liked = i64::try_from(candidate.clicks).unwrap_or(i64::MAX).min(1_000);
    let pick = |why, offer| Pick { product: candidate.product, why, offer };
    if let Some(taste) = taste {
        let offer = taste.offers.iter().find(|offer| {
            offer.partner == candidate.partner
                && (offer.product_ids.is_empty() || offer.product_ids.contains(&candidate.feed_product))
        });
        let sport = taste.sports.iter().position(|sport| speaks_of(&candidate.words, sport));
        if let Some(offer) = offer {
            // An offer for named products is closer than one for the whole shop.
            let named = if offer.product_ids.is_empty() { 0 } else { 2_000 };
            let fits = if sport.is_some() { 1_500 } else { 0 };
            return (
                10_000 + named + fits + liked,
                candidate,
                pick(Why::Offer(offer.offer), Some(offer.offer)),
            );
        }
        if let Some(place) = sport {
            let rank = i64::try_from(place).unwrap_or(20).min(20) * 50;
            return (5_000 - rank + liked, candidate, pick(Why::Sport(taste.sports[place].clone()), None));
        }
    }
    if liked > 0 {
        return (1_000 + liked, candidate, pick(Why::RegionalFavourite, None));
    }
    (0, candidate, pick(Why::New, None))
}

/// Keeps the order, but lets another partner in after a run.
fn varied(mut ranked: Vec<(PartnerId, Pick)>, limit: usize) -> Vec<Pick> {
    let mut picks = Vec::with_capacity(limit.min(ranked.len()));
    let mut run: HashMap<PartnerId, usize> = HashMap::new();
    ranked.reverse();
    let mut held_back: Vec<(PartnerId, Pick)> = Vec::new();
    while picks.len() < limit {
        let Some((partner, pick)) = ranked.pop() else { break };
        let count = run.entry(partner).or_default();
        if *count >= RUN_MAX {
            held_back.push((partner, pick));
            continue;
        }
        *count += 1;
        let run_now = *count;
        run.retain(|known, _| *known == partner);
        run.insert(partner, run_now);
        picks.push(pick);
        if run_now == 1 {
            ranked.extend(held_back.drain(..).rev());
        }
    }
    picks.extend(held_back.into_iter().map(|(_, pick)| pick).take(limit.saturating_sub(picks.len())));
    picks
}

/// Whether a product's words name a sport, in English, Russian or Kazakh.
pub fn speaks_of(words: &str, sport: &str) -> bool {
    let stems: &[&str] = match sport {
        "running" => &["running", "runner", "jogging", "marathon", "бег", "жүгір"],
        "walking" | "hiking" => &["walking", "hiking", "trekking", "поход", "треккинг", "жаяу"],
        "cycling" => &["cycling", "bicycle", "bike", "вело", "велосипед"],
        "swimming" => &["swim", "плава", "жүзу"],
        "skiing" => &["ski", "лыж", "шаңғы"],
        "snowboarding" => &["snowboard", "сноуборд"],
        "skating" => &["skate", "skating", "коньк", "коньки"],
        "rowing" => &["rowing", "гребл"],
        "strength" | "fitness" => &["fitness", "gym", "dumbbell", "training", "фитнес", "гантел", "тренаж"],
        "yoga" => &["yoga", "йога"],
        "climbing" => &["climb", "скалолаз"],
        "team_sport" => &["football", "basketball", "volleyball", "футбол", "баскетбол", "волейбол"],
        "racket_sport" => &["tennis", "badminton", "squash", "padel", "теннис", "бадминтон"],
        _ => return words.contains(&sport.replace('_', " ")),
    };
    stems.iter().any(|stem| words.contains(stem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn candidate(number: u128, partner: u128, words: &str, clicks: u64) -> Candidate {
        Candidate {
            product: ProductId::new(Uuid::from_u128(number)),
            partner: PartnerId::new(Uuid::from_u128(partner)),
            feed_product: number.to_string(),
            words: words.to_owned(),
            clicks,
            listed_at_us: 0,
        }
    }

    #[test]
    fn an_offers_products_come_first_then_the_sport_then_what_the_region_likes() {
        let offer = OfferId::random();
        let taste = Taste {
            sports: vec!["running".to_owned()],
            offers: vec![HeldOffer {
                offer,
                partner: PartnerId::new(Uuid::from_u128(1)),
                product_ids: ["4".to_owned()].into(),
            }],
        };
        let candidates = [
            candidate(1, 2, "teapot", 0),
            candidate(2, 2, "teapot", 9),
            candidate(3, 2, "running shoe", 0),
            candidate(4, 1, "sock", 0),
        ];
        let whys: Vec<_> = pick(Some(&taste), &candidates, 10).into_iter().map(|pick| pick.why).collect();
        let running = Why::Sport("running".to_owned());
        assert_eq!(whys, [Why::Offer(offer), running, Why::RegionalFavourite, Why::New]);
    }

    #[test]
    fn without_consent_nothing_is_personal() {
        let picks = pick(None, &[candidate(1, 1, "running shoe", 0), candidate(2, 1, "sock", 3)], 10);
        assert_eq!(
            picks.iter().map(|pick| pick.why.clone()).collect::<Vec<_>>(),
            [Why::RegionalFavourite, Why::New]
        );
        assert!(picks.iter().all(|pick| pick.offer.is_none()));
    }

    #[test]
    fn one_partner_does_not_fill_the_page_while_others_have_something() {
        let mut candidates: Vec<_> = (1..=6).map(|number| candidate(number, 1, "", 10)).collect();
        candidates.push(candidate(7, 2, "", 1));
        let picks = pick(None, &candidates, 7);
        assert_eq!(picks[3].product, ProductId::new(Uuid::from_u128(7)));
        assert_eq!(picks.len(), 7);
        assert_eq!(pick(None, &candidates, 2).len(), 2);
    }
}
