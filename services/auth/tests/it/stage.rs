//! The stage on which the tests play: one auth, its mails, and people who call it.

use std::{path::PathBuf, pin::Pin};

use auth::{Config, app::App};
use bytes::Bytes;
use eventing::{Db, Journal, Sealer, Topic};
use kernel::{AccountId, Code, Id, Refusal};
use platform::{Actor, Resources, context::acting_for, refusal, transport::Transport};
use proto::{
    auth::{self as p, auth_client::AuthClient},
    envelope::{State, record::Body},
};
use testkit::fleet::{Fleet, Ground};
use tonic::{Request, Response, Status};
use uuid::Uuid;

pub(crate) const PASSWORD: &str = "seven hills of Almaty";

pub(crate) struct Stage<'a> {
    pub(crate) fleet: Fleet<'a>,
    pub(crate) client: AuthClient<Transport>,
    pub(crate) db: Db,
    pub(crate) journal: Journal,
    pub(crate) data: PathBuf,
    mails: PathBuf,
}

async fn resources(fleet: &Fleet<'_>, config: &Config) -> Resources {
    let mut resources = fleet.resources("auth").await;
    auth::MIGRATIONS.apply(&resources.db).await.expect("migrated");
    let ring = auth::key_ring(resources.db.clone(), &resources.data, config).expect("a key ring");
    let store = resources.journal.store().clone();
    resources.journal = Journal::new("auth", store, Sealer::new(ring), resources.clock.clone());
    resources
}

/// Somebody with an account and a session.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: AccountId,
    pub(crate) email: String,
    pub(crate) session: p::Session,
}

impl Person {
    pub(crate) fn actor(&self) -> Actor {
        Actor::Account {
            account_id: self.id,
            session_id: Id::new(uuid(&self.session.session_id)),
            scopes: vec!["account".to_owned()],
        }
    }
}

pub(crate) fn uuid(bytes: &[u8]) -> Uuid {
    Uuid::from_slice(bytes).expect("a uuid")
}

pub(crate) fn id_bytes(id: AccountId) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

impl<'a> Stage<'a> {
    pub(crate) async fn on(ground: &'a Ground) -> Self {
        Self::with(ground, Config::default()).await
    }

    /// Boxed: an installation's future is large.
    pub(crate) fn with(ground: &'a Ground, config: Config) -> Pin<Box<dyn Future<Output = Self> + 'a>> {
        Box::pin(Self::built(ground, config))
    }

    async fn built(ground: &'a Ground, config: Config) -> Self {
        let fleet = ground.fleet(&["auth"]).await;
        let resources = resources(&fleet, &config).await;
        let (db, journal) = (resources.db.clone(), resources.journal.clone());
        let (data, mails) = (resources.data.clone(), resources.mail.clone());
        let module = auth::module(resources, config).await.expect("auth starts");
        fleet.serve(module);
        let client = fleet.peers("gateway").auth();
        Self { fleet, client, db, journal, data, mails }
    }

    /// Another one over the same store, as another process would be.
    pub(crate) async fn replica(&self) -> App {
        let config = Config::default();
        let resources = resources(&self.fleet, &config).await;
        Box::pin(auth::build(&resources, config)).await.expect("auth is built")
    }

    pub(crate) fn client(&self) -> AuthClient<Transport> {
        self.client.clone()
    }

    /// Every mail so far, oldest first.
    pub(crate) fn mails(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.mails).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        assert!(paths.iter().all(|path| path.extension().is_some_and(|end| end == "eml")), "no drafts stay");
        paths.iter().map(|path| std::fs::read_to_string(path).expect("a mail")).collect()
    }

    /// The newest mail to an address.
    pub(crate) fn mail_to(&self, email: &str) -> Option<String> {
        self.mails().into_iter().rev().find(|mail| header(mail, "To").is_some_and(|to| to.contains(email)))
    }

    pub(crate) fn code_to(&self, email: &str) -> String {
        let mail = self.mail_to(email).expect("a mail");
        header(&mail, "X-Stadion-Code").expect("a code")
    }

    pub(crate) async fn register(&self, request: p::RegisterRequest) -> Result<Uuid, Refusal> {
        let answer = told(self.client().register(stranger(request)).await)?;
        Ok(uuid(&answer.registration_id))
    }

    pub(crate) async fn verify(
        &self,
        id: Uuid,
        code: &str,
    ) -> Result<p::VerifyRegistrationResponse, Refusal> {
        let request = p::VerifyRegistrationRequest {
            registration_id: Bytes::copy_from_slice(id.as_bytes()),
            code: code.to_owned(),
            ..p::VerifyRegistrationRequest::default()
        };
        told(self.client().verify_registration(stranger(request)).await)
    }

    /// Somebody who has signed up.
    pub(crate) async fn person(&self, name: &str) -> Person {
        self.person_of(sign_up(name)).await
    }

    pub(crate) async fn person_of(&self, request: p::RegisterRequest) -> Person {
        let email = request.email.clone();
        let registration = self.register(request).await.expect("registered");
        let answer = self.verify(registration, &self.code_to(&email)).await.expect("verified");
        let session = answer.session.expect("a session");
        Person { id: Id::new(uuid(&session.account_id)), email, session }
    }

    /// Somebody with the role of an operator.
    pub(crate) async fn operator(&self, name: &str) -> Person {
        let person = self.person(name).await;
        let request = p::AddOperatorRequest { email: person.email.clone() };
        told(self.client().add_operator(request).await).expect("an operator");
        person
    }

    pub(crate) async fn login(&self, email: &str, password: &str) -> Result<p::Session, Refusal> {
        self.login_from("192.0.2.1", email, password).await
    }

    pub(crate) async fn login_from(
        &self,
        address: &str,
        email: &str,
        password: &str,
    ) -> Result<p::Session, Refusal> {
        let request =
            p::LoginRequest { email: email.to_owned(), password: password.to_owned(), device_name: None };
        told(self.client().login(acting_for(Actor::anonymous(address), request)).await)
    }

    pub(crate) async fn refresh(&self, token: &str) -> Result<p::Session, Refusal> {
        let request = p::RefreshRequest { refresh_token: token.to_owned(), client_id: None };
        told(self.client().refresh(stranger(request)).await)
    }

    /// The values that stand on a state topic so far.
    pub(crate) async fn published(&self, topic: &Topic) -> Vec<State> {
        let ends = self.fleet.bus.ends(topic).await.expect("ends");
        let from: Vec<(u32, i64)> = (0_u32..).zip(&ends).map(|(part, _)| (part, 0)).collect();
        let mut log = self.fleet.bus.source("test.published", topic, &from).await.expect("a source");
        let records = log.poll(1_000).await.expect("batches").into_iter().flat_map(|batch| batch.records);
        let value = |body| if let Some(Body::State(value)) = body { Some(value) } else { None };
        records.filter_map(|(_, record)| value(record.body)).collect()
    }

    pub(crate) async fn standing(&self, id: AccountId) -> p::AccountStanding {
        let request = p::StandingRequest { account_ids: vec![id_bytes(id)], held: vec![] };
        let mut answer = told(self.client().standing(request).await).expect("standing");
        answer.accounts.pop().expect("one entry")
    }
}

pub(crate) fn header(mail: &str, name: &str) -> Option<String> {
    let head = mail.split("\r\n\r\n").next()?;
    let line =
        head.lines().find(|line| line.to_lowercase().starts_with(&format!("{}:", name.to_lowercase())))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

pub(crate) fn stranger<T>(message: T) -> Request<T> {
    acting_for(Actor::anonymous("192.0.2.1"), message)
}

pub(crate) fn by<T>(person: &Person, message: T) -> Request<T> {
    acting_for(person.actor(), message)
}

/// What the caller is told.
pub(crate) fn told<T>(answer: Result<Response<T>, Status>) -> Result<T, Refusal> {
    answer.map(Response::into_inner).map_err(|status| refusal(&status))
}

#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(answer: Result<T, Refusal>, code: Code) -> Refusal {
    let refusal = answer.expect_err("a refusal");
    assert_eq!(refusal.code, code, "{refusal}");
    refusal
}

#[track_caller]
pub(crate) fn refused_field<T: std::fmt::Debug>(answer: Result<T, Refusal>, pointer: &str, code: &str) {
    let refusal = refused(answer, Code::InvalidField);
    let fields: Vec<(&str, &str)> =
        refusal.fields.iter().map(|field| (field.pointer.as_str(), field.code.as_str())).collect();
    assert!(fields.contains(&(pointer, code)), "{fields:?}");
}

/// A sign-up that has everything.
pub(crate) fn sign_up(name: &str) -> p::RegisterRequest {
    p::RegisterRequest {
        email: format!("{}@example.org", name.to_lowercase()),
        password: PASSWORD.to_owned(),
        display_name: name.to_owned(),
        birth_year: Some(1990),
        sex: Some("f".to_owned()),
        country: Some("KZ".to_owned()),
        region: Some("KZ-75".to_owned()),
        time_zone: Some("Asia/Almaty".to_owned()),
        locale: Some("kk".to_owned()),
        consents: vec![grant("terms"), grant("health_data")],
        ..p::RegisterRequest::default()
    }
}

pub(crate) fn grant(purpose: &str) -> p::ConsentGrant {
    p::ConsentGrant { purpose: purpose.to_owned(), text_version: "1".to_owned() }
}
