//! A peer with several endpoints, on real listeners: who is called, what is sent again, and what never is.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, response::IntoResponse};
use http::{Request, Response};
use kernel::{Code, SystemClock};
use platform::{
    Tasks,
    actor::ActorSigner,
    config::Http,
    installation::InstallationKey,
    metrics::Metrics,
    refusal,
    serve::{Bounds, serve},
    transport::{Address, PeerMetrics, PeersBuilder, Remote, Transport},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{Status, body::Body};
use tower::ServiceExt;

const READ: &str = "/stadion.promo.v1.Promo/ListProducts";
const COMMAND: &str = "/stadion.promo.v1.Promo/Reserve";

#[derive(Clone, Copy)]
enum Manner {
    Answers,
    SaysUnavailable,
    NeverAnswers,
}

/// A server that counts what reaches it.
struct Server {
    address: SocketAddr,
    arrived: Arc<AtomicUsize>,
    tasks: Tasks,
    drain: CancellationToken,
}

impl Server {
    async fn start(manner: Manner) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), manner, Duration::ZERO).await
    }

    /// `drain`: how long open calls may go on when it stops.
    async fn at(address: SocketAddr, manner: Manner, drain: Duration) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let arrived = Arc::new(AtomicUsize::new(0));
        let counted = arrived.clone();
        let app = Router::new().fallback(move |request: Request<axum::body::Body>| {
            let counted = counted.clone();
            async move {
                if request.uri().path().starts_with("/grpc.health") {
                    return Status::unimplemented("").into_http::<Body>().into_response();
                }
                counted.fetch_add(1, Ordering::Relaxed);
                match manner {
                    Manner::Answers => Status::ok("").into_http::<Body>().into_response(),
                    Manner::SaysUnavailable => Status::unavailable("").into_http::<Body>().into_response(),
                    Manner::NeverAnswers => std::future::pending().await,
                }
            }
        });
        let tasks = Tasks::new(CancellationToken::new());
        let stop = CancellationToken::new();
        let bounds = Bounds { drain, ..Bounds::of(&Http::default()) };
        tasks.spawn_one("server", serve(listener, app, bounds, tasks.clone(), stop.clone()));
        Self { address, arrived, tasks, drain: stop }
    }

    fn arrived(&self) -> usize {
        self.arrived.load(Ordering::Relaxed)
    }

    async fn stop(&self) {
        self.drain.cancel();
        assert!(self.tasks.ended_within(Duration::from_secs(20)).await);
    }
}

/// A peer as a service sees it.
struct Caller {
    remote: Remote,
    transport: Transport,
    metrics: Metrics,
    tasks: Tasks,
}

impl Caller {
    fn of(addresses: &str) -> Self {
        let metrics = Metrics::new();
        let addresses = Address::list(addresses).unwrap();
        let remote = Remote::new("promo", addresses, PeerMetrics::register(&metrics));
        let signer =
            ActorSigner::new("gateway", &InstallationKey::ephemeral().unwrap(), Arc::new(SystemClock));
        let transport = PeersBuilder::new().remote(remote.clone()).seen_by(signer).to("promo");
        Self { remote, transport, metrics, tasks: Tasks::new(CancellationToken::new()) }
    }

    fn to(servers: &[&Server]) -> Self {
        let addresses: Vec<String> = servers.iter().map(|one| format!("http://{}", one.address)).collect();
        Self::of(&addresses.join(","))
    }

    fn watching(self) -> Self {
        self.tasks.spawn(self.remote.watch(self.tasks.shutdown().clone()));
        self
    }

    async fn call(&self, path: &str) -> Result<(), Status> {
        let request = Request::post(path).body(Body::empty()).unwrap();
        let response: Response<Body> = match self.transport.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let status = Status::from_header_map(response.headers()).unwrap();
        if status.code() == tonic::Code::Ok { Ok(()) } else { Err(status) }
    }

    async fn until(&self, path: &str, ok: bool) {
        let begun = Instant::now();
        while self.call(path).await.is_ok() != ok {
            assert!(begun.elapsed() < Duration::from_secs(20), "never {ok}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.tasks.shutdown().cancel();
    }
}

#[tokio::test]
async fn calls_are_shared_out() {
    let (one, two) = (Server::start(Manner::Answers).await, Server::start(Manner::Answers).await);
    let caller = Caller::to(&[&one, &two]);
    for _ in 0..40 {
        caller.call(COMMAND).await.unwrap();
    }
    assert_eq!((one.arrived(), two.arrived()), (20, 20));
}

#[tokio::test]
async fn when_one_of_two_dies_calls_go_on_and_commands_happen_once() {
    let (one, two) = (Server::start(Manner::Answers).await, Server::start(Manner::Answers).await);
    let caller = Caller::to(&[&one, &two]);
    for _ in 0..10 {
        caller.call(COMMAND).await.unwrap();
    }
    one.stop().await;
    for path in [COMMAND, READ].repeat(50) {
        caller.call(path).await.unwrap();
    }
    assert_eq!(one.arrived() + two.arrived(), 110);
}

#[tokio::test]
async fn when_all_are_dead_each_call_is_told_so_soon() {
    let (one, two) = (Server::start(Manner::Answers).await, Server::start(Manner::Answers).await);
    let caller = Caller::to(&[&one, &two]);
    caller.call(READ).await.unwrap();
    one.stop().await;
    two.stop().await;
    let begun = Instant::now();
    for _ in 0..200 {
        let said = refusal(&caller.call(READ).await.unwrap_err());
        assert_eq!((said.code, said.retry_after_s), (Code::Unavailable, Some(1)));
    }
    // Far less than 200 deadlines that were waited for.
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn who_is_started_again_is_called_again() {
    let server = Server::start(Manner::Answers).await;
    let caller = Caller::to(&[&server]).watching();
    caller.call(COMMAND).await.unwrap();
    server.stop().await;
    caller.until(COMMAND, false).await;
    let again = Server::at(server.address, Manner::Answers, Duration::ZERO).await;
    caller.until(COMMAND, true).await;
    assert!(again.arrived() > 0);
}

#[tokio::test]
async fn a_circuit_that_opens_is_seen_by_operators() {
    let server = Server::start(Manner::Answers).await;
    let caller = Caller::to(&[&server]).watching();
    caller.until(READ, true).await;
    server.stop().await;
    let begun = Instant::now();
    let open = "peer_circuits_open{service=\"process\",peer=\"promo\"} 1";
    while !caller.metrics.render().unwrap().contains(open) {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", caller.metrics.render().unwrap());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_command_that_may_have_arrived_is_not_sent_again() {
    let one = Server::start(Manner::NeverAnswers).await;
    let two = Server::start(Manner::NeverAnswers).await;
    let caller = Caller::to(&[&one, &two]);
    let cut = async {
        while one.arrived() + two.arrived() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        one.stop().await;
        two.stop().await;
    };
    let (answer, ()) = tokio::join!(caller.call(COMMAND), cut);
    assert_eq!(refusal(&answer.unwrap_err()).code, Code::Unavailable);
    assert_eq!(one.arrived() + two.arrived(), 1);
}

#[tokio::test]
async fn a_read_whose_connection_breaks_is_asked_elsewhere() {
    let silent = Server::start(Manner::NeverAnswers).await;
    let fine = Server::start(Manner::Answers).await;
    let caller = Caller::to(&[&silent, &fine]);
    let cut = async {
        while silent.arrived() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        silent.stop().await;
    };
    let reads = async {
        for _ in 0..2 {
            caller.call(READ).await.unwrap();
        }
    };
    tokio::join!(reads, cut);
    assert_eq!((silent.arrived(), fine.arrived()), (1, 2));
}

#[tokio::test]
async fn a_replica_that_is_behind_sends_a_read_to_another() {
    let behind = Server::start(Manner::SaysUnavailable).await;
    let fine = Server::start(Manner::Answers).await;
    let caller = Caller::to(&[&behind, &fine]);
    for _ in 0..10 {
        caller.call(READ).await.unwrap();
    }
    let mut refused = 0;
    for _ in 0..10 {
        refused += u32::from(caller.call(COMMAND).await.is_err());
    }
    assert_eq!(refused, 5, "a command that was answered is not sent again");
}

#[tokio::test]
async fn retries_are_a_share_of_the_calls() {
    let one = Server::start(Manner::SaysUnavailable).await;
    let two = Server::start(Manner::SaysUnavailable).await;
    let caller = Caller::to(&[&one, &two]);
    let begun = Instant::now();
    for _ in 0..400 {
        assert!(caller.call(READ).await.is_err());
    }
    let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap() + 1;
    let arrived = one.arrived() + two.arrived();
    assert!(arrived > 400 && arrived <= 400 + 20 + 40 + 3 * seconds, "{arrived} in {seconds} s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_drained_loses_and_doubles_nothing() {
    let patience = Duration::from_secs(10);
    let anywhere: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let one = Server::at(anywhere, Manner::Answers, patience).await;
    let two = Server::at(anywhere, Manner::Answers, patience).await;
    let caller = Caller::to(&[&one, &two]);
    let loops = (0..8).map(|_| async {
        for _ in 0..100 {
            caller.call(COMMAND).await.unwrap();
        }
    });
    let drained = async {
        while one.arrived() < 100 {
            tokio::task::yield_now().await;
        }
        one.stop().await;
    };
    tokio::join!(futures::future::join_all(loops), drained);
    assert_eq!(one.arrived() + two.arrived(), 800);
}

#[tokio::test]
async fn until_a_peer_is_reached_it_is_said_why_not() {
    let gone = Server::start(Manner::Answers).await;
    gone.stop().await;
    let caller = Caller::to(&[&gone]).watching();
    let begun = Instant::now();
    while !caller.remote.reached().is_err_and(|why| why.contains("cannot be connected to")) {
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", caller.remote.reached());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let back = Server::at(gone.address, Manner::Answers, Duration::ZERO).await;
    while caller.remote.reached().is_err() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", caller.remote.reached());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    back.stop().await;
    assert_eq!(caller.remote.reached(), Ok(()), "who was there once makes nobody unready");
}

#[tokio::test]
async fn a_name_is_resolved() {
    let server = Server::start(Manner::Answers).await;
    let caller = Caller::of(&format!("http://localhost:{}", server.address.port())).watching();
    caller.until(COMMAND, true).await;
}
