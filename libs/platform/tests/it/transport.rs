//! Each sentence holds both ways: the sibling's routes called directly, and a real channel over TCP.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use eventing::command::Key;
use kernel::{AccountId, Code, FieldError, Id, Refusal, SystemClock};
use platform::{
    Actor, Caller, Tasks,
    actor::{ActorSigner, ActorVerifier},
    config::Http,
    context::{Ambient, acting_for},
    guard::{Guard, Guarded},
    installation::InstallationKey,
    metrics::Metrics,
    refusal,
    serve::{Bounds, serve},
    status,
    transport::{Address, PeerMetrics, PeersBuilder, Remote, Transport, dispatch},
};
use proto::{
    envelope::{Event, Meta},
    journal::{
        LoadStreamRequest, LoadStreamResponse, ReadAllRequest, ReadAllResponse,
        journal_client::JournalClient,
        journal_server::{Journal, JournalServer},
    },
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, service::Routes};

const SAY_WHO_CALLS: u64 = 1;
const TAKE_FOR_EVER: u64 = 2;
const PANIC: u64 = 3;
const REFUSE: u64 = 4;
const ASK_YOURSELF: u64 = 5;
const WRITE: u64 = 6;

/// A service that tells what reached it.
struct Probe {
    own: Option<platform::Peers>,
}

#[async_trait]
impl Journal for Probe {
    async fn read_all(&self, request: Request<ReadAllRequest>) -> Result<Response<ReadAllResponse>, Status> {
        let caller = Caller::of(&request)?;
        match request.get_ref().after {
            SAY_WHO_CALLS => Ok(Response::new(told(&caller))),
            TAKE_FOR_EVER => std::future::pending().await,
            PANIC => panic!("the handler fell over"),
            REFUSE => {
                let mut refusal = Refusal::new(Code::BudgetExhausted, "nothing is left").retry_after_s(7);
                let field =
                    FieldError { pointer: "/amount".into(), code: "range".into(), detail: "too much".into() };
                refusal.fields.push(field);
                refusal.reasons.push("because".to_owned());
                Err(status(refusal))
            }
            ASK_YOURSELF => {
                let ask = ReadAllRequest { after: SAY_WHO_CALLS, max: 0 };
                self.own.as_ref().unwrap().journal("probe").read_all(ask).await
            }
            WRITE => {
                let mut response = Response::new(ReadAllResponse::default());
                response.metadata_mut().insert("stadion-seen", "probe=0.0.12".parse().unwrap());
                response.metadata_mut().insert("stadion-replayed", "true".parse().unwrap());
                Ok(response)
            }
            _ => Err(status(Refusal::not_found())),
        }
    }

    async fn load_stream(
        &self,
        _: Request<LoadStreamRequest>,
    ) -> Result<Response<LoadStreamResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

fn told(caller: &Caller) -> ReadAllResponse {
    let left = caller.deadline.map(|at| at.saturating_duration_since(tokio::time::Instant::now()));
    let meta = Meta {
        actor: caller.command().actor,
        trace_parent: caller.trace_parent.clone(),
        correlation_id: caller.correlation_id.as_bytes().to_vec().into(),
        ..Meta::default()
    };
    let key = caller.command().key;
    let event = Event {
        meta: Some(meta),
        stream: caller.locale.clone(),
        partition_key: key.as_ref().map(|key| key.key.clone()).unwrap_or_default(),
        payload: key.map(|key| key.request_hash).unwrap_or_default(),
        ..Event::default()
    };
    let left_ms = left.map_or(0, |left| left.as_millis());
    ReadAllResponse { events: vec![event], head: u64::try_from(left_ms).unwrap() }
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Sibling,
    Channel,
}

const BOTH: [Way; 2] = [Way::Sibling, Way::Channel];

struct Fleet {
    client: JournalClient<Transport>,
    _serving: tokio_util::sync::DropGuard,
}

struct Plan {
    believes: InstallationKey,
    signs: InstallationKey,
    calls_max: usize,
}

fn plan() -> Plan {
    let key = InstallationKey::ephemeral().unwrap();
    Plan { believes: key.clone(), signs: key, calls_max: 64 }
}

fn signer(issuer: &str, key: &InstallationKey) -> ActorSigner {
    ActorSigner::new(issuer, key, Arc::new(SystemClock))
}

async fn fleet(way: Way, plan: Plan) -> Fleet {
    let stop = CancellationToken::new();
    let inside = PeersBuilder::new().sibling("probe");
    let own = inside.seen_by(signer("probe", &plan.signs));
    let routes = Routes::new(JournalServer::new(Probe { own: Some(own) }));
    let verifier = ActorVerifier::new(&plan.believes, Arc::new(SystemClock));
    let guarded = Guard::new("probe", verifier, None, plan.calls_max, &Metrics::new()).before(routes);
    inside.serve("probe", guarded.clone());
    let peers = match way {
        Way::Sibling => inside,
        Way::Channel => PeersBuilder::new().remote(listening(guarded, stop.clone()).await),
    };
    let client = peers.seen_by(signer("gateway", &plan.signs)).journal("probe");
    Fleet { client, _serving: stop.drop_guard() }
}

#[expect(clippy::disallowed_methods, reason = "the test itself runs the listener")]
async fn listening(guarded: Guarded, stop: CancellationToken) -> Remote {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = dispatch(vec![("probe", guarded)], Routes::default());
    let tasks = Tasks::new(stop.child_token());
    tokio::spawn(serve(listener, router, Bounds::of(&Http::default()), tasks, stop));
    remote(&format!("http://{address}"))
}

fn remote(addresses: &str) -> Remote {
    Remote::new("probe", Address::list(addresses).unwrap(), PeerMetrics::register(&Metrics::new()))
}

impl Fleet {
    async fn ask(&self, after: u64) -> Result<ReadAllResponse, Status> {
        self.send(Request::new(ReadAllRequest { after, max: 0 })).await
    }

    async fn send(&self, request: Request<ReadAllRequest>) -> Result<ReadAllResponse, Status> {
        self.client.clone().read_all(request).await.map(Response::into_inner)
    }
}

fn within(mut request: Request<ReadAllRequest>, limit: Duration) -> Request<ReadAllRequest> {
    request.set_timeout(limit);
    request
}

fn account() -> Actor {
    Actor::Account { account_id: AccountId::random(), session_id: Id::random(), scopes: vec![] }
}

#[tokio::test]
async fn a_call_of_a_service_is_its_own_unless_it_says_otherwise() {
    for way in BOTH {
        let fleet = fleet(way, plan()).await;
        let actor = |answer: ReadAllResponse| answer.events[0].meta.clone().unwrap().actor;
        assert_eq!(actor(fleet.ask(SAY_WHO_CALLS).await.unwrap()), "service:gateway", "{way:?}");
        let account = account();
        let request = acting_for(account.clone(), ReadAllRequest { after: SAY_WHO_CALLS, max: 0 });
        assert_eq!(actor(fleet.send(request).await.unwrap()), account.name(), "{way:?}");
        let ambient = Ambient { acting: Some(account.clone()), ..Ambient::new() };
        let answer = ambient.clone().scope(fleet.ask(SAY_WHO_CALLS)).await.unwrap();
        assert_eq!(actor(answer), account.name(), "{way:?}");
        let onward = ambient.scope(fleet.ask(ASK_YOURSELF)).await.unwrap();
        assert_eq!(actor(onward), "service:probe", "{way:?}: the second hop is the service's own");
    }
}

#[tokio::test]
async fn trace_correlation_and_locale_go_through_two_hops() {
    for way in BOTH {
        let fleet = fleet(way, plan()).await;
        let ambient = Ambient { locale: "kk".to_owned(), ..Ambient::new() };
        let answer = ambient.clone().scope(fleet.ask(ASK_YOURSELF)).await.unwrap();
        let meta = answer.events[0].meta.clone().unwrap();
        assert!(meta.trace_parent.contains(&ambient.trace.trace_id()), "{way:?}: {}", meta.trace_parent);
        assert_eq!(meta.correlation_id, ambient.correlation_id.as_bytes().to_vec(), "{way:?}");
        assert_eq!(answer.events[0].stream, "kk", "{way:?}");
    }
}

#[tokio::test]
async fn an_idempotency_key_is_scoped_to_its_method_and_reaches_one_hop() {
    for way in BOTH {
        let fleet = fleet(way, plan()).await;
        let key = Key { key: "ключ 1".to_owned(), request_hash: vec![0, 255].into() };
        let ambient = Ambient { acting: Some(account()), idempotency: Some(key), ..Ambient::new() };
        let answer = ambient.clone().scope(fleet.ask(SAY_WHO_CALLS)).await.unwrap();
        assert_eq!(answer.events[0].partition_key, "ReadAll/ключ 1", "{way:?}");
        assert_eq!(&answer.events[0].payload[..], [0, 255], "{way:?}");
        let onward = ambient.scope(fleet.ask(ASK_YOURSELF)).await.unwrap();
        assert_eq!(onward.events[0].partition_key, "", "{way:?}");
    }
}

#[tokio::test]
async fn a_call_past_its_deadline_is_deadline_exceeded() {
    for way in BOTH {
        let fleet = fleet(way, plan()).await;
        let begun = Instant::now();
        let request = Request::new(ReadAllRequest { after: TAKE_FOR_EVER, max: 0 });
        let late = fleet.send(within(request, Duration::from_millis(100))).await.unwrap_err();
        assert_eq!(late.code(), tonic::Code::DeadlineExceeded, "{way:?}: {late}");
        assert_eq!(refusal(&late).code, Code::DeadlineExceeded, "{way:?}");
        assert!(begun.elapsed() < Duration::from_secs(60), "{way:?}");
    }
}

#[tokio::test]
async fn a_deadline_shrinks_on_its_way_and_is_never_stretched() {
    for way in BOTH {
        let fleet = fleet(way, plan()).await;
        let deadline = tokio::time::Instant::now() + Duration::from_millis(3_000);
        let ambient = Ambient { deadline: Some(deadline), ..Ambient::new() };
        let generous =
            within(Request::new(ReadAllRequest { after: ASK_YOURSELF, max: 0 }), Duration::from_secs(30));
        let left_ms = ambient.scope(fleet.send(generous)).await.unwrap().head;
        assert!(left_ms > 0 && left_ms <= 3_000, "{way:?}: {left_ms} ms left at the second hop");
    }
}

#[tokio::test]
async fn a_deadline_that_is_past_is_not_even_tried() {
    for way in BOTH {
        let fleet = fleet(way, plan()).await;
        let ambient = Ambient { deadline: Some(tokio::time::Instant::now()), ..Ambient::new() };
        let late = ambient.scope(fleet.ask(SAY_WHO_CALLS)).await.unwrap_err();
        assert_eq!(late.code(), tonic::Code::DeadlineExceeded, "{way:?}");
    }
}

#[tokio::test]
async fn a_refusal_arrives_whole() {
    for way in BOTH {
        let fleet = fleet(way, plan()).await;
        let status = fleet.ask(REFUSE).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::FailedPrecondition, "{way:?}");
        let told = refusal(&status);
        assert_eq!((told.code, told.retry_after_s), (Code::BudgetExhausted, Some(7)), "{way:?}");
        assert_eq!(told.fields[0].pointer, "/amount", "{way:?}");
        assert_eq!(told.reasons, ["because"], "{way:?}");
    }
}

#[tokio::test]
async fn a_forged_actor_is_unauthenticated() {
    for way in BOTH {
        let stranger = Plan { signs: InstallationKey::ephemeral().unwrap(), ..plan() };
        let status = fleet(way, stranger).await.ask(SAY_WHO_CALLS).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unauthenticated, "{way:?}");
    }
}

#[tokio::test]
async fn a_handler_that_panics_answers_internal_and_the_service_lives_on() {
    for way in BOTH {
        let fleet = fleet(way, plan()).await;
        let status = fleet.ask(PANIC).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Internal, "{way:?}");
        assert!(!status.message().contains("fell over"), "{way:?}");
        assert!(fleet.ask(SAY_WHO_CALLS).await.is_ok(), "{way:?}");
    }
}

#[tokio::test]
async fn above_its_bound_a_service_says_overloaded_at_once() {
    for way in BOTH {
        let fleet = fleet(way, Plan { calls_max: 1, ..plan() }).await;
        let slow =
            within(Request::new(ReadAllRequest { after: TAKE_FOR_EVER, max: 0 }), Duration::from_secs(5));
        let second = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            fleet.ask(SAY_WHO_CALLS).await
        };
        let (slow, second) = tokio::join!(fleet.send(slow), second);
        assert_eq!(slow.unwrap_err().code(), tonic::Code::DeadlineExceeded, "{way:?}");
        let second = refusal(&second.unwrap_err());
        assert_eq!((second.code, second.retry_after_s), (Code::Overloaded, Some(1)), "{way:?}");
    }
}

#[tokio::test]
async fn what_an_answer_says_was_written_is_gathered_for_the_caller() {
    for way in BOTH {
        let fleet = fleet(way, plan()).await;
        let ambient = Ambient::new();
        let answers = ambient.answers.clone();
        ambient.scope(fleet.ask(WRITE)).await.unwrap();
        assert_eq!(answers.seen().to_string(), "probe=0.0.12", "{way:?}");
        assert!(answers.replayed(), "{way:?}");
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_is_unavailable() {
    let key = InstallationKey::ephemeral().unwrap();
    let places = [
        PeersBuilder::new().sibling("probe"),
        PeersBuilder::new().remote(remote("http://127.0.0.1:1")),
        PeersBuilder::new(),
    ];
    for place in places {
        let mut client = place.seen_by(signer("gateway", &key)).journal("probe");
        let status = client.read_all(ReadAllRequest::default()).await.unwrap_err();
        assert_eq!(refusal(&status).code, Code::Unavailable, "{status}");
    }
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented() {
    for way in BOTH {
        let fleet = fleet(way, plan()).await;
        let request = LoadStreamRequest::default();
        let status = fleet.client.clone().load_stream(request).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unimplemented, "{way:?}");
    }
}
