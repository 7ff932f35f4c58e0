//! The life of a campaign as sentences.

use super::*;
use crate::domain::{draft, staff::Reach};

struct Story {
    campaign: Campaign,
    author: Staff,
    other: Staff,
    now: Timestamp,
}

fn operator() -> Staff {
    Staff { account: AccountId::random(), reach: Reach::Everywhere }
}

impl Story {
    fn drafted() -> Self {
        let mut story = Self {
            campaign: Campaign::default(),
            author: operator(),
            other: operator(),
            now: "2026-04-01T00:00:00Z".parse().unwrap(),
        };
        let terms = draft::tests::written().onto(None).unwrap();
        let events = story.campaign.draft(CampaignId::random(), &story.author, &terms);
        story.then(events);
        story
    }

    fn then(&mut self, events: Result<Vec<Event>, Refusal>) -> usize {
        let events = events.unwrap();
        events.iter().for_each(|event| self.campaign.evolve(event));
        events.len()
    }

    fn approved() -> Self {
        let mut story = Self::drafted();
        story.then(story.campaign.submit(&story.author));
        story.then(story.campaign.approve(&story.other, &story.revision(), story.now));
        story
    }

    fn running() -> Self {
        let mut story = Self::approved();
        story.now = "2026-05-02T00:00:00Z".parse().unwrap();
        story.then(story.campaign.schedule(&story.author, story.now));
        story
    }

    fn revision(&self) -> String {
        self.campaign.known().unwrap().revision.clone()
    }

    fn stage(&self) -> Stage {
        self.campaign.known().unwrap().stage
    }
}

#[test]
fn a_campaign_that_another_approved_runs_when_its_window_opens() {
    let mut story = Story::approved();
    story.then(story.campaign.schedule(&story.author, story.now));
    assert_eq!(story.stage(), Stage::Scheduled);
    assert!(story.campaign.start(story.now).is_empty(), "not yet");
    let open = "2026-05-01T04:00:00Z".parse().unwrap();
    story.then(Ok(story.campaign.start(open)));
    assert_eq!(story.stage(), Stage::Running);
    assert!(story.campaign.start(open).is_empty(), "firing twice changes nothing");
    story.then(Ok(story.campaign.drain("2026-06-01T00:00:00Z".parse().unwrap())));
    story.then(Ok(story.campaign.end()));
    assert_eq!(story.stage(), Stage::Ended);
}

#[test]
fn a_past_start_runs_at_once_and_a_past_end_is_refused() {
    assert_eq!(Story::running().stage(), Stage::Running);
    let story = Story::approved();
    let late = story.campaign.schedule(&story.author, "2026-07-01T00:00:00Z".parse().unwrap());
    assert_eq!(late.unwrap_err().fields[0].code, "already_over");
}

#[test]
fn nobody_approves_what_they_wrote_even_a_part_of() {
    let mut story = Story::drafted();
    story.then(story.campaign.submit(&story.author));
    let own = story.campaign.approve(&story.author, &story.revision(), story.now);
    assert_eq!(own.unwrap_err().code, Code::OwnApproval);

    let mut terms = story.campaign.known().unwrap().terms.clone();
    terms.holdout_percent = 5;
    story.then(story.campaign.edit(&story.other, &terms));
    story.then(story.campaign.submit(&story.author));
    let helped = story.campaign.approve(&story.other, &story.revision(), story.now);
    assert_eq!(helped.unwrap_err().code, Code::OwnApproval);
}

#[test]
fn an_approval_is_for_one_revision_and_an_edit_voids_it() {
    let mut story = Story::approved();
    let read = story.revision();
    let mut terms = story.campaign.known().unwrap().terms.clone();
    terms.offer.valid_days = 20;
    story.then(story.campaign.edit(&story.author, &terms));
    assert_eq!(story.stage(), Stage::Draft);
    assert!(story.campaign.known().unwrap().approvals.is_empty());
    assert_eq!(story.campaign.schedule(&story.author, story.now).unwrap_err().code, Code::Conflict);
    story.then(story.campaign.submit(&story.author));
    let stale = story.campaign.approve(&story.other, &read, story.now);
    assert_eq!(stale.unwrap_err().code, Code::RevisionChanged);
}

#[test]
fn a_running_campaign_is_not_edited_but_paused_resumed_and_stopped_for_good() {
    let mut story = Story::running();
    let terms = story.campaign.known().unwrap().terms.clone();
    assert_eq!(story.campaign.edit(&story.other, &terms).unwrap_err().code, Code::Conflict);
    story.then(story.campaign.pause(&story.other));
    assert_eq!(story.stage(), Stage::Paused);
    story.then(story.campaign.resume(&story.other, story.now));
    story.then(story.campaign.stop(&story.other, "wrong price"));
    assert_eq!(story.stage(), Stage::Stopped);
    assert_eq!(story.then(story.campaign.stop(&story.author, "")), 0, "stopping twice changes nothing");
    assert_eq!(story.campaign.resume(&story.author, story.now).unwrap_err().code, Code::Conflict);
}

#[test]
fn a_marketer_of_another_region_finds_nothing() {
    let story = Story::running();
    let stranger = Staff { account: AccountId::random(), reach: Reach::Regions(["KZ-71".to_owned()].into()) };
    assert_eq!(story.campaign.stop(&stranger, "").unwrap_err().code, Code::NotFound);
}

#[test]
fn offers_are_granted_only_in_the_regions_and_while_their_window_is_open() {
    let story = Story::running();
    let known = story.campaign.known().unwrap();
    assert!(known.grants_in("KZ-75", "Asia/Almaty", story.now));
    assert!(!known.grants_in("KZ-71", "Asia/Almaty", story.now));
    assert!(!known.grants_in("KZ-75", "Asia/Almaty", "2026-06-02T00:00:00Z".parse().unwrap()));
}

#[test]
fn rejecting_says_why_and_can_ask_for_changes() {
    let mut story = Story::drafted();
    story.then(story.campaign.submit(&story.author));
    assert_eq!(story.campaign.reject(&story.other, " ", false).unwrap_err().fields[0].pointer, "/reason");
    story.then(story.campaign.reject(&story.other, "too dear", true));
    assert_eq!(story.stage(), Stage::ChangesRequested);
    story.then(story.campaign.submit(&story.author));
    story.then(story.campaign.reject(&story.other, "no", false));
    assert_eq!(story.stage(), Stage::Rejected);
    assert_eq!(story.campaign.submit(&story.author).unwrap_err().code, Code::Conflict);
}

#[test]
fn a_paused_campaign_outlives_its_window_until_somebody_decides() {
    let mut story = Story::running();
    story.then(story.campaign.pause(&story.other));
    story.now = "2026-06-02T00:00:00Z".parse().unwrap();
    assert!(story.campaign.drain(story.now).is_empty());
    story.then(story.campaign.resume(&story.other, story.now));
    assert_eq!(story.stage(), Stage::Draining);
}
