use std::time::Duration;

use platform::{Task, Tasks};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_panic_in_a_task_stops_the_process_and_says_why() {
    let tasks = Tasks::new(CancellationToken::new());
    tasks.spawn(Task::new("relay", async { panic!("the disk is gone") }));
    tasks.shutdown().cancelled().await;
    assert_eq!(tasks.failure().unwrap(), "task relay panicked: the disk is gone");
    assert!(tasks.ended_within(Duration::from_secs(10)).await);
}

#[tokio::test]
async fn an_error_of_a_task_stops_the_process_too() {
    let tasks = Tasks::new(CancellationToken::new());
    tasks.spawn(Task::new("relay", async { Err("no space".to_owned()) }));
    tasks.shutdown().cancelled().await;
    assert_eq!(tasks.failure().unwrap(), "task relay failed: no space");
}

#[tokio::test]
async fn the_panic_of_one_connection_is_its_own_affair() {
    let tasks = Tasks::new(CancellationToken::new());
    tasks.spawn_one("connection", async { panic!("bad bytes") });
    assert!(tasks.ended_within(Duration::from_secs(10)).await);
    assert_eq!(tasks.failure(), None);
    assert!(!tasks.shutdown().is_cancelled());
}

#[tokio::test]
async fn tasks_that_hear_of_shutdown_end_and_are_waited_for() {
    let tasks = Tasks::new(CancellationToken::new());
    let shutdown = tasks.shutdown().clone();
    tasks.spawn(Task::new("loop", async move {
        shutdown.cancelled().await;
        Ok(())
    }));
    tasks.shutdown().cancel();
    assert!(tasks.ended_within(Duration::from_secs(10)).await);
    assert_eq!((tasks.running(), tasks.failure()), (0, None));
}
