//! The tools themselves: a story, a golden payload, an installation, tried on a small domain.

use eventing::{Aggregate, DecodeError, DomainEvent, Plain, StreamId};
use kernel::{Code, Refusal};
use proto::envelope::CommandResult;
use stadion_testkit::{
    fleet::{self, Ground},
    given, golden,
};

#[derive(Clone, Debug, PartialEq)]
enum Event {
    Opened { seats: u32 },
}

/// Any message of the contract does as the wire form of a made-up event.
impl DomainEvent for Event {
    fn encode(&self) -> Plain {
        let Self::Opened { seats } = self;
        Plain::of(&CommandResult { status: *seats, ids: Vec::new() })
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        plain.expect::<CommandResult>().map(|message| Self::Opened { seats: message.status })
    }
}

#[derive(Clone, Default)]
struct Hall {
    seats: u32,
}

impl Aggregate for Hall {
    type Event = Event;
    const KIND: &'static str = "hall";

    fn evolve(&mut self, event: &Event) {
        let Event::Opened { seats } = event;
        self.seats += seats;
    }
}

fn open(hall: &Hall, seats: u32) -> Result<Vec<Event>, Refusal> {
    if hall.seats + seats > 10 {
        return Err(Refusal::field("/seats", "too_many", "a hall has ten seats"));
    }
    Ok(vec![Event::Opened { seats }])
}

#[test]
fn a_story_is_told_in_two_sentences() {
    given::<Hall>([Event::Opened { seats: 4 }])
        .when(|hall| open(hall, 5))
        .then([Event::Opened { seats: 5 }])
        .when(|hall| open(hall, 2))
        .refused(Code::InvalidField);
}

#[test]
#[should_panic(expected = "not refused")]
fn a_story_with_a_wrong_end_fails() {
    given::<Hall>([]).when(|hall| open(hall, 1)).refused(Code::Conflict);
}

#[test]
fn a_golden_payload_is_held_to_what_it_meant() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    // 08 04: field 1, a varint, 4.
    std::fs::write(folder.path().join("CommandResult.four.hex"), "0804\n").unwrap();
    std::fs::write(folder.path().join("CommandResult.four.expected"), "Opened {\n    seats: 4,\n}\n")
        .unwrap();
    golden::check("stadion.envelope.v1", path, &[("four", Event::Opened { seats: 4 })]);

    let misread = std::panic::catch_unwind(|| {
        std::fs::write(folder.path().join("CommandResult.four.hex"), "0805\n").unwrap();
        golden::check::<Event>("stadion.envelope.v1", path, &[]);
    });
    assert!(misread.is_err());
}

#[tokio::test]
async fn what_a_stand_in_tells_arrives_on_the_log_and_outlives_its_fleet() {
    let ground = Ground::sqlite();
    let stream = StreamId::named("hall-1");
    let told = CommandResult { status: 7, ids: Vec::new() };

    let first = ground.fleet(&["activity"]).await;
    let journal = first.stand_in("activity").await;
    let done = fleet::tell(&journal, &stream, "hall-1", &told).await;
    assert_eq!(done.position, 1);
    first.stop().await;

    let second = ground.fleet(&["activity"]).await;
    let journal = second.stand_in("activity").await;
    let ends = || async { second.bus.ends(&eventing::Topic::events("activity")).await.unwrap() };
    fleet::eventually("relayed", ends, |ends| ends.iter().any(|end| *end > 0)).await;
    assert_eq!(journal.load::<Hall>(&stream).await.unwrap().state.seats, 7);
    second.stop().await;
}
