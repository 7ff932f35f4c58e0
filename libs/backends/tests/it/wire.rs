//! A wire between us and a server that a test can cut: everywhere, or at the moment of a COMMIT.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// COMMIT as the protocol says it: a simple query.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

/// When a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Cut {
    Never = 0,
    /// Once: the server never hears of it.
    BeforeCommit = 1,
    /// Once: the server commits, and nobody hears of it.
    BehindCommit = 2,
}

pub(crate) struct Wire {
    address: SocketAddr,
    server: String,
    cut: Arc<AtomicU8>,
    open: watch::Sender<bool>,
    _pump: JoinSet<()>,
}

impl Wire {
    /// `server`: `host:port`.
    pub(crate) async fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let cut = Arc::new(AtomicU8::new(Cut::Never as u8));
        let open = watch::Sender::new(true);
        let mut pump = JoinSet::new();
        pump.spawn(accept(listener, server.to_owned(), cut.clone(), open.subscribe()));
        Self { address, server: server.to_owned(), cut, open, _pump: pump }
    }

    /// The same database by way of this wire.
    pub(crate) fn url(&self, direct: &str) -> String {
        direct.replace(&self.server, &self.address.to_string())
    }

    pub(crate) fn cut(&self, when: Cut) {
        self.cut.store(when as u8, Ordering::SeqCst);
    }

    /// Whether connections pass; those that are open are cut when they no longer do.
    pub(crate) fn passes(&self, passes: bool) {
        self.open.send_replace(passes);
    }
}

async fn accept(listener: TcpListener, server: String, cut: Arc<AtomicU8>, open: watch::Receiver<bool>) {
    let mut pairs = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        if *open.borrow() {
            let server = TcpStream::connect(&server).await.expect("the server answers");
            pairs.spawn(pass(client, server, cut.clone(), open.clone()));
        }
    }
}

async fn closed(open: &mut watch::Receiver<bool>) {
    // Without its wire a connection ends too.
    let _ = open.wait_for(|open| !*open).await;
}

async fn pass(client: TcpStream, server: TcpStream, cut: Arc<AtomicU8>, mut open: watch::Receiver<bool>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let mut buffer = vec![0; 1 << 16];
    let mut back = vec![0; 1 << 16];
    loop {
        tokio::select! {
            () = closed(&mut open) => return,
            said = from_client.read(&mut buffer) => {
                let said = said.unwrap_or_default();
                if said == 0 {
                    return;
                }
                let commits = buffer[..said].windows(COMMIT.len()).any(|window| window == COMMIT);
                let never = Cut::Never as u8;
                if commits && cut.compare_exchange(Cut::BeforeCommit as u8, never, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                    return;
                }
                if to_server.write_all(&buffer[..said]).await.is_err() {
                    return;
                }
                if commits && cut.compare_exchange(Cut::BehindCommit as u8, never, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                    // The answer says that it is done; it goes no further.
                    let _ = from_server.read(&mut back).await;
                    return;
                }
            }
            answered = from_server.read(&mut back) => {
                let answered = answered.unwrap_or_default();
                if answered == 0 || to_client.write_all(&back[..answered]).await.is_err() {
                    return;
                }
            }
        }
    }
}
