//! The leaderboard owns the order of a challenge's participants: whole, by segment, and as it moves.
//!
//! It decides nothing. Boards are made in memory by followers of what gamification publishes, and made again after a
//! restart from the same, the faster for what was kept of them in files; until that is done, and whenever the log falls
//! silent, they are not shown. What is shown of who holds a place is asked of auth and social.
//!
//! | file | what |
//! |---|---|
//! | [`domain`] | the order itself: counted tree, ties, segments |
//! | [`boards`] | every board in memory |
//! | [`kept`] | boards over a restart |
//! | [`consumers`] | what they are made of |
//! | [`app`], [`api`] | what can be asked |
//! | [`live`] | what is told without being asked again |

pub mod api;
pub mod app;
pub mod boards;
pub mod config;
pub mod consumers;
pub mod domain;
pub mod kept;
pub mod live;
pub mod metrics;
pub mod wire;

use std::sync::Arc;

use platform::{Module, Resources, Sight, StartError, Task, transport::MESSAGE_BYTES_MAX};
use proto::leaderboard::leaderboard_server::LeaderboardServer;
use tonic::service::Routes;

use crate::{
    app::{App, Fresh},
    boards::Boards,
    consumers::{
        challenges::Challenges, erased::Erased, relations::Relations, scores::Scores, standings::Standings,
    },
    kept::Keeper,
    live::{Grounds, Heard, Live},
    metrics::Measured,
};

pub use config::Config;

/// The service, built and not yet running.
pub async fn module(resources: Resources, config: Config) -> Result<Module, StartError> {
    let measured = Measured::register(&resources.metrics);
    let boards = Arc::new(Boards::default());
    let clock = resources.clock.clone();
    let kept = Arc::new(Keeper::new(&resources.data, boards.clone(), clock, config.snapshot_each_s));
    let sight = Sight::new(resources.peers.clone());
    let live = Arc::new(Live::new(Grounds {
        sight: sight.clone(),
        peers: resources.peers.clone(),
        clock: resources.clock.clone(),
        tasks: resources.tasks.clone(),
        drain: resources.drain.clone(),
        measured: measured.clone(),
    }));

    let mut spine = resources.spine();
    let challenges = spine.follower(Arc::new(Challenges(boards.clone())));
    let scores = Scores { boards: boards.clone(), kept: kept.clone(), measured: measured.clone() };
    let scores = spine.follower(Arc::new(scores));
    let erased = spine.follower(Arc::new(Erased { boards: boards.clone(), kept: kept.clone(), measured }));
    let standings = spine.follower(Arc::new(Standings(live.clone())));
    let relations = spine.follower(Arc::new(Relations(live.clone())));
    live.hears(Heard { standings: Fresh::of([standings]), relations: Fresh::of([relations]) });
    let fresh = Fresh::of([challenges, scores, erased]);

    // A log that falls silent later is told by the boards alone: others who are served here go on without it.
    let ready = fresh.clone();
    resources.health.require("leaderboard: scores", move || {
        if ready.have_caught_up() { Ok(()) } else { Err("the boards are not up to date yet".to_owned()) }
    });
    let (peers, clock) = (resources.peers.clone(), resources.clock.clone());
    let app = App { boards, live, past: Arc::default(), sight, peers, clock, fresh };
    let server = LeaderboardServer::new(api::Api(app)).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let module = Module::new("leaderboard", &["auth", "gamification", "social"], Routes::new(server));
    let keeping = Task::new("leaderboard: boards kept", kept.run(resources.shutdown.clone()));
    Ok(module.spine(&resources.journal, spine).task(keeping))
}
