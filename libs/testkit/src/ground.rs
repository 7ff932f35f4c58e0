//! Where an installation's data lie, on the engine of this run of the tests ([`engines::chosen`]).

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use backends::{postgres, sqlite};
use eventing::{Db, sealing::StaticKeys};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};
use uuid::Uuid;

use crate::engines::{self, Engine};

/// Grounds on PostgreSQL at once in this process, and connections of each of their stores: together with six stores a
/// ground below the server's `max_connections`, however many threads run tests.
const GROUNDS_MAX: usize = 8;
const CONNECTIONS_MAX: u32 = 6;
static ROOM: Semaphore = Semaphore::const_new(GROUNDS_MAX);

/// Where an installation's data lie: they outlive the fleets that run on them.
pub struct Ground {
    folder: std::path::PathBuf,
    /// Deletes the folder in the end, where it is ours.
    temporary: Option<tempfile::TempDir>,
    server: Option<Server>,
    pub keys: Arc<StaticKeys>,
}

/// A schema a store, named after the folder: another process finds them by it.
struct Server {
    url: String,
    prefix: String,
    made: Mutex<BTreeSet<String>>,
    /// Whether what was made is dropped in the end.
    dropped: bool,
    room: OnceCell<SemaphorePermit<'static>>,
}

impl Ground {
    /// On the engine of this run of the tests; everything is deleted in the end.
    pub fn fresh() -> Self {
        Self::temporary(Self::at)
    }

    /// On SQLite in any run: for what concerns its files.
    pub fn sqlite() -> Self {
        Self::temporary(Self::files)
    }

    /// In a folder that outlives this process too, on the engine of this run: for tests that kill one.
    pub fn at(folder: &Path) -> Self {
        match engines::chosen() {
            Engine::Sqlite => Self::files(folder),
            Engine::Postgres { url } => Self::on_server(&url, folder),
        }
    }

    /// On PostgreSQL in any run: for what several processes on one store do to each other. `None`: there is no server,
    /// and that was said.
    ///
    /// # Panics
    /// Where `CI` is set and there is no server.
    #[track_caller]
    pub fn postgres(what: &str) -> Option<Self> {
        let url = engines::postgres(what)?;
        Some(Self::temporary(|folder| Self::on_server(&url, folder)))
    }

    fn on_server(url: &str, folder: &Path) -> Self {
        let server = Server {
            url: url.to_owned(),
            prefix: Uuid::new_v5(&Uuid::NAMESPACE_URL, folder.as_os_str().as_encoded_bytes())
                .simple()
                .to_string(),
            made: Mutex::default(),
            dropped: false,
            room: OnceCell::new(),
        };
        Self { server: Some(server), ..Self::files(folder) }
    }

    fn files(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), temporary: None, server: None, keys: Arc::default() }
    }

    fn temporary(at: impl Fn(&Path) -> Self) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no temporary folder: {error}"));
        let mut ground = at(folder.path());
        ground.temporary = Some(folder);
        if let Some(server) = &mut ground.server {
            server.dropped = true;
        }
        ground
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A service's store, made when it is not there yet.
    ///
    /// # Panics
    /// When the engine refuses.
    pub async fn open(&self, service: &str) -> Db {
        match &self.server {
            Some(server) => server.open(service).await,
            None => self.file(service).await,
        }
    }

    /// A file of the folder, on SQLite in any run.
    pub(crate) async fn file(&self, name: &str) -> Db {
        let path = self.folder.join(format!("{name}.db"));
        sqlite::open(&path, sqlite::Options::default())
            .await
            .unwrap_or_else(|error| panic!("the test's store: {error}"))
    }
}

impl Server {
    async fn open(&self, service: &str) -> Db {
        let room = || async {
            ROOM.acquire().await.unwrap_or_else(|error| panic!("the room for tests is closed: {error}"))
        };
        self.room.get_or_init(room).await;
        let schema = format!("test_{}_{service}", self.prefix);
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(schema.clone());
        let opened = async {
            let url = postgres::create_schema(&self.url, &schema).await?;
            let options = postgres::Options {
                connections_max: CONNECTIONS_MAX,
                application: format!("test of {service}"),
                ..postgres::Options::default()
            };
            postgres::connect(&url, options).await
        };
        opened.await.unwrap_or_else(|error| panic!("the test's store: {error}"))
    }

    /// Drops what was made. Where somebody still holds a table it stays: a test's end is no place to wait.
    fn forget(&self) {
        let made = std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            for schema in made {
                if let Err(error) = postgres::drop_schema(&self.url, &schema).await {
                    eprintln!("the test's schema {schema} stays: {error}");
                }
            }
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.dropped {
            // A thread of its own: this one runs the test's runtime.
            std::thread::scope(|scope| {
                let _ = scope.spawn(|| self.forget()).join();
            });
        }
    }
}
