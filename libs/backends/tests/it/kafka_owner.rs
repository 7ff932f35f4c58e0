//! Two installations under one prefix by mistake are told apart; one installation is not, however many processes it has.

use futures::future::join_all;
use stadion_backends::{
    KafkaBus,
    kafka::{Fit, OpenError, Options, strange},
};

use crate::fresh;

fn marks(marks: &[&str]) -> Vec<String> {
    marks.iter().map(|mark| (*mark).to_owned()).collect()
}

async fn opened(options: &Options) -> KafkaBus {
    KafkaBus::open(options.clone()).await.expect("the bus opens")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_installation_owns_the_log_and_another_is_refused_with_what_to_do() {
    let Some(brokers) = fresh::kafka_brokers() else { return };
    let options = fresh::kafka_options(&brokers);
    let bus = opened(&options).await;
    assert_eq!(bus.owner().await.expect("asked"), None, "nobody has been here");
    bus.belongs(&marks(&["aa"])).await.expect("ours");
    opened(&options).await.belongs(&marks(&["aa"])).await.expect("and again");
    let refused = opened(&options).await.belongs(&marks(&["bb"])).await.expect_err("another's");
    assert!(matches!(&refused, OpenError::Foreign { owner, .. } if owner == "aa"), "{refused}");
    let said = refused.to_string();
    assert!(said.contains("`prefix` of its own") && said.contains(&options.prefix), "{said}");
    let elsewhere = Options { prefix: format!("{}other.", options.prefix), ..options };
    opened(&elsewhere).await.belongs(&marks(&["bb"])).await.expect("under a prefix of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_changed_in_steps_and_the_log_follows() {
    let Some(brokers) = fresh::kafka_brokers() else { return };
    let bus = opened(&fresh::kafka_options(&brokers)).await;
    bus.belongs(&marks(&["aa"])).await.expect("the first");
    bus.belongs(&marks(&["aa", "bb"])).await.expect("both are believed");
    bus.belongs(&marks(&["bb", "aa"])).await.expect("the new one signs");
    bus.belongs(&marks(&["bb"])).await.expect("the old one is gone");
    assert_eq!(bus.owner().await.expect("asked").as_deref(), Some("bb"));
    assert!(bus.belongs(&marks(&["aa"])).await.is_err(), "who missed it is a stranger");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_installations_that_come_at_once_one_owns_the_log() {
    let Some(brokers) = fresh::kafka_brokers() else { return };
    let options = fresh::kafka_options(&brokers);
    let starts = (0..6).map(|one| {
        let options = options.clone();
        let ours = marks(&[if one % 2 == 0 { "aa" } else { "bb" }]);
        async move { (ours.clone(), opened(&options).await.belongs(&ours).await.is_ok()) }
    });
    let outcomes = join_all(starts).await;
    let owner = opened(&options).await.owner().await.expect("asked").expect("somebody's");
    assert!(outcomes.iter().all(|(ours, taken)| *taken == ours.contains(&owner)), "{owner}: {outcomes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_looked_at_without_being_made() {
    let Some(brokers) = fresh::kafka_brokers() else { return };
    let bus = opened(&fresh::kafka_options(&brokers)).await;
    let topics = [eventing::bus::Topic::events("few"), eventing::bus::Topic::state("test", "things")];
    assert_eq!(bus.fit(&topics).await.expect("asked"), [Fit::Missing, Fit::Missing]);
    strange::topic(&bus, &topics[0].name, 6).await.expect("made");
    bus.prepare(&topics[1]).await.expect("made");
    let fits = bus.fit(&topics).await.expect("asked");
    assert!(matches!(&fits[0], Fit::Unfit(why) if why.contains("6 partitions and must have 24")), "{fits:?}");
    assert_eq!(fits[1], Fit::Fits { copies: 1, in_sync: 1 });
}
