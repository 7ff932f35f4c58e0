//! Wide columns over ScyllaDB or Cassandra.
//!
//! Requests go to a node (on ScyllaDB to the shard) that holds the row. What may be sent twice is sent again when it
//! fails; a read that takes long is asked of a second node as well, and the first answer counts.

use std::{
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use eventing::{
    cql::{Cql, Kind, Statement, WideColumns},
    sql::{DbError, Row, Value},
};
use scylla::{
    client::{
        caching_session::{CachingSession, CachingSessionBuilder},
        execution_profile::{ExecutionProfile, ExecutionProfileHandle},
        session::Session,
        session_builder::SessionBuilder,
    },
    cluster::metadata::{ColumnType, NativeType},
    errors::{DbError as Refused, ExecutionError, PrepareError, RequestAttemptError},
    frame::types::{Consistency, SerialConsistency},
    policies::{
        load_balancing::DefaultPolicy, retry::DefaultRetryPolicy,
        speculative_execution::SimpleSpeculativeExecutionPolicy,
    },
    response::{PagingState, query_result::QueryResult},
    statement::prepared::PreparedStatement,
    value::{CqlValue, Row as CqlRow},
};

/// Where the store is, and which keyspace of it.
#[derive(Clone, Debug)]
pub struct Options {
    /// `host:port` of some nodes; the others are learnt from them.
    pub nodes: Vec<String>,
    /// Made when it is missing: `a-z`, digits and `_`.
    pub keyspace: String,
    /// Copies of each row in a data centre, for a keyspace that is made.
    pub replication: u32,
    /// The data centre that is asked first.
    pub datacenter: Option<String>,
    /// Name and password.
    pub user: Option<(String, String)>,
}

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
const AGREE_WITHIN: Duration = Duration::from_secs(30);
/// Between two tries to use a keyspace that was just made.
const LISTED_FIRST: Duration = Duration::from_millis(50);
/// A read that is not answered by then is asked of another node too.
const READ_ELSEWHERE_AFTER: Duration = Duration::from_millis(50);
const READ_ELSEWHERE_MAX: usize = 1;
/// Texts that are prepared at the same time; stores have some dozens.
const PREPARED_MAX: usize = 1_000;

struct Engine {
    session: CachingSession,
    reads: ExecutionProfileHandle,
    writes: ExecutionProfileHandle,
}

/// Connects, and makes the keyspace where there is none.
///
/// # Errors
/// `Unavailable`: no node answers. `Statement`: a name that cannot be one, or the keyspace may not be made.
pub async fn connect(options: Options) -> Result<Cql, DbError> {
    let session = reached(&options).await?;
    if !is_there(&session, &options.keyspace).await? {
        let make = format!(
            "CREATE KEYSPACE IF NOT EXISTS {} WITH replication = \
             {{'class': 'NetworkTopologyStrategy', 'replication_factor': {}}}",
            options.keyspace, options.replication
        );
        session.query_unpaged(make, ()).await.map_err(failed)?;
    }
    using(session, &options).await
}

/// Connects to a keyspace that is there; `None` where there is none, and none is made.
///
/// # Errors
/// As [`connect`].
pub async fn connect_if_there(options: Options) -> Result<Option<Cql>, DbError> {
    let session = reached(&options).await?;
    if !is_there(&session, &options.keyspace).await? {
        return Ok(None);
    }
    using(session, &options).await.map(Some)
}

async fn reached(options: &Options) -> Result<Session, DbError> {
    let keyspace = &options.keyspace;
    let fits = keyspace.starts_with(|first: char| first.is_ascii_lowercase())
        && keyspace.len() <= 48
        && keyspace.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '_');
    if !fits {
        return Err(DbError::Statement(format!(
            "`{keyspace}` is no name of a keyspace: a-z, digits and _, at most 48 of them, a letter first"
        )));
    }
    let mut builder = SessionBuilder::new()
        .known_nodes(&options.nodes)
        .connection_timeout(CONNECT_WITHIN)
        .schema_agreement_timeout(AGREE_WITHIN)
        .default_execution_profile_handle(profile(options, false));
    if let Some((name, password)) = &options.user {
        builder = builder.user(name, password);
    }
    builder.build().await.map_err(|error| {
        DbError::Unavailable(format!("no CQL store at {}: {error}", options.nodes.join(", ")))
    })
}

/// Who may use a keyspace need not be allowed to make one: so it is looked for first.
async fn is_there(session: &Session, keyspace: &str) -> Result<bool, DbError> {
    let sought = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?";
    let found = session.query_unpaged(sought, (keyspace,)).await.map_err(failed)?;
    Ok(found.into_rows_result().is_ok_and(|rows| rows.rows_num() > 0))
}

async fn using(session: Session, options: &Options) -> Result<Cql, DbError> {
    let keyspace = &options.keyspace;
    let until = Instant::now() + AGREE_WITHIN;
    // Where somebody else has just made it, it is listed before it can be used.
    while let Err(error) = session.use_keyspace(keyspace, false).await {
        if Instant::now() > until {
            return Err(DbError::Statement(format!("the keyspace {keyspace}: {error}")));
        }
        tokio::time::sleep(LISTED_FIRST).await;
    }
    let session = CachingSessionBuilder::new(session).max_capacity(PREPARED_MAX).build();
    Ok(Cql::new(Engine { session, reads: profile(options, true), writes: profile(options, false) }))
}

fn profile(options: &Options, reads: bool) -> ExecutionProfileHandle {
    let mut nodes = DefaultPolicy::builder().token_aware(true);
    if let Some(datacenter) = &options.datacenter {
        nodes = nodes.prefer_datacenter(datacenter.clone());
    }
    let elsewhere = SimpleSpeculativeExecutionPolicy {
        max_retry_count: READ_ELSEWHERE_MAX,
        retry_interval: READ_ELSEWHERE_AFTER,
    };
    // A quorum on both sides: who reads after a write has answered sees it.
    ExecutionProfile::builder()
        .consistency(Consistency::LocalQuorum)
        .serial_consistency(Some(SerialConsistency::LocalSerial))
        .request_timeout(Some(ANSWER_WITHIN))
        .load_balancing_policy(nodes.build())
        .retry_policy(Arc::new(DefaultRetryPolicy::new()))
        .speculative_execution_policy(if reads { Some(Arc::new(elsewhere)) } else { None })
        .build()
        .into_handle()
}

#[async_trait]
impl WideColumns for Engine {
    async fn run(&self, statement: Statement) -> Result<Vec<Row>, DbError> {
        if statement.kind == Kind::Schema {
            let mut text = scylla::statement::Statement::new(statement.cql);
            text.set_request_timeout(Some(AGREE_WITHIN));
            self.session.get_session().query_unpaged(text, ()).await.map_err(failed)?;
            return Ok(Vec::new());
        }
        let prepared = self.prepared(&statement).await?;
        let arguments = bound(&prepared, &statement.args)?;
        let session = self.session.get_session();
        if statement.kind != Kind::Read {
            let answer = session.execute_unpaged(&prepared, &arguments).await.map_err(failed)?;
            return rows_of(answer);
        }
        let mut rows = Vec::new();
        let mut from = PagingState::start();
        loop {
            let page = session.execute_single_page(&prepared, &arguments, from).await;
            let (answer, next) = page.map_err(failed)?;
            rows.extend(rows_of(answer)?);
            match next.into_paging_control_flow() {
                ControlFlow::Break(()) => return Ok(rows),
                ControlFlow::Continue(next) => from = next,
            }
        }
    }
}

impl Engine {
    async fn prepared(&self, statement: &Statement) -> Result<PreparedStatement, DbError> {
        let mut text = scylla::statement::Statement::new(statement.cql.as_str());
        text.set_page_size(statement.page_rows.max(1));
        text.set_is_idempotent(matches!(statement.kind, Kind::Read | Kind::Write));
        let profile = if statement.kind == Kind::Read { &self.reads } else { &self.writes };
        text.set_execution_profile_handle(Some(profile.clone()));
        self.session.add_prepared_statement(&text).await.map_err(unprepared)
    }
}

/// Arguments as the columns want them: our integers are 64 bits wide, `LIMIT` takes 32.
fn bound(prepared: &PreparedStatement, arguments: &[Value]) -> Result<Vec<Option<CqlValue>>, DbError> {
    let columns = prepared.get_variable_col_specs();
    if columns.len() != arguments.len() {
        let (wanted, given) = (columns.len(), arguments.len());
        return Err(DbError::Statement(format!("{wanted} arguments are wanted, {given} given")));
    }
    let bind = |(column, argument): (ColumnType<'_>, &Value)| {
        Ok(match argument {
            Value::Null => None,
            Value::Int(int) if matches!(column, ColumnType::Native(NativeType::Int)) => {
                let small = i32::try_from(*int);
                Some(CqlValue::Int(small.map_err(|_| DbError::Statement(format!("{int} is no INT")))?))
            }
            Value::Int(int) => Some(CqlValue::BigInt(*int)),
            Value::Real(real) => Some(CqlValue::Double(*real)),
            Value::Text(text) => Some(CqlValue::Text(text.clone())),
            Value::Blob(blob) => Some(CqlValue::Blob(blob.clone())),
            Value::AppendPosition => {
                return Err(DbError::Statement("there are no appends in a wide-column store".to_owned()));
            }
        })
    };
    columns.iter().map(|column| column.typ().clone()).zip(arguments).map(bind).collect()
}

fn rows_of(answer: QueryResult) -> Result<Vec<Row>, DbError> {
    if !answer.is_rows() {
        return Ok(Vec::new());
    }
    let unread = |error: String| DbError::Statement(format!("an answer that cannot be read: {error}"));
    let rows = answer.into_rows_result().map_err(|error| unread(error.to_string()))?;
    let rows = rows.rows::<CqlRow>().map_err(|error| unread(error.to_string()))?;
    rows.map(|row| {
        let row = row.map_err(|error| unread(error.to_string()))?;
        row.columns.into_iter().map(value_of).collect::<Result<_, _>>().map(Row)
    })
    .collect()
}

fn value_of(column: Option<CqlValue>) -> Result<Value, DbError> {
    Ok(match column {
        None => Value::Null,
        Some(CqlValue::BigInt(int)) => Value::Int(int),
        Some(CqlValue::Int(int)) => Value::Int(int.into()),
        Some(CqlValue::Boolean(truth)) => Value::Int(truth.into()),
        Some(CqlValue::Double(real)) => Value::Real(real),
        Some(CqlValue::Text(text) | CqlValue::Ascii(text)) => Value::Text(text),
        Some(CqlValue::Blob(blob)) => Value::Blob(blob),
        Some(CqlValue::Uuid(uuid)) => Value::Blob(uuid.as_bytes().to_vec()),
        Some(other) => {
            return Err(DbError::Statement(format!("a column of a type not used here: {other:?}")));
        }
    })
}

fn failed(error: ExecutionError) -> DbError {
    let said = error.to_string();
    match error {
        ExecutionError::BadQuery(_) => DbError::Statement(said),
        ExecutionError::PrepareError(error) => unprepared(error),
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(
            Refused::SyntaxError
            | Refused::Invalid
            | Refused::AlreadyExists { .. }
            | Refused::FunctionFailure { .. }
            | Refused::Unauthorized
            | Refused::ConfigError
            | Refused::ProtocolError,
            _,
        )) => DbError::Statement(said),
        ExecutionError::LastAttemptError(
            RequestAttemptError::SerializationError(_) | RequestAttemptError::CqlRequestSerialization(_),
        ) => DbError::Statement(said),
        _ => DbError::Unavailable(said),
    }
}

fn unprepared(error: PrepareError) -> DbError {
    // What the statement itself lacks is said by all nodes alike.
    let said = error.to_string();
    match error {
        PrepareError::AllAttemptsFailed {
            first_attempt: RequestAttemptError::DbError(Refused::SyntaxError | Refused::Invalid, _),
        } => DbError::Statement(said),
        _ => DbError::Unavailable(said),
    }
}
