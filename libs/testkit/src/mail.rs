//! A mail server for tests: as much SMTP as a sender needs, TLS included, under a certificate of the tests' own.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

const SERVER_CERTIFICATE: &[u8] = include_bytes!("mail/server.pem");
/// It protects nothing but letters of tests to tests.
const SERVER_KEY: &[u8] = include_bytes!("mail/server.key.der");

/// Who vouches for the server, as a file (PEM). It is called `localhost` and `127.0.0.1`.
pub fn ca_file() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/mail/ca.pem"))
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    #[default]
    None,
    Starttls,
    Implicit,
}

/// How a server behaves.
#[derive(Clone, Default)]
pub struct Manners {
    pub security: Security,
    /// User and password that it wants, where it wants any.
    pub password: Option<(String, String)>,
    /// What it says to a receiver's address instead of taking the mail, such as `550 no such user`.
    pub refuses: Option<fn(&str) -> Option<&'static str>>,
}

/// A mail that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    pub from: String,
    pub to: String,
    pub text: String,
    /// Whether it came under TLS.
    pub is_secured: bool,
}

/// Ends when it is dropped.
pub struct MailServer {
    pub address: SocketAddr,
    taken: Arc<Mutex<Vec<Taken>>>,
    offered: Arc<Mutex<Vec<String>>>,
    ends: Arc<AtomicBool>,
    listens: Option<JoinHandle<()>>,
}

impl MailServer {
    /// On a free port of this machine.
    ///
    /// # Panics
    /// When there is none.
    pub fn start(manners: Manners) -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), manners)
    }

    /// # Panics
    /// When the address is taken.
    pub fn at(address: SocketAddr, manners: Manners) -> Self {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (taken, offered, ends) = (Arc::default(), Arc::default(), Arc::new(AtomicBool::new(false)));
        let desk = Desk { manners, taken: Arc::clone(&taken), offered: Arc::clone(&offered) };
        let told = Arc::clone(&ends);
        let listens = Some(thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if told.load(Ordering::SeqCst) {
                    return;
                }
                let desk = desk.clone();
                // Whoever hangs up is no fault of the server's.
                thread::spawn(move || desk.attend(stream));
            }
        }));
        Self { address, taken, offered, ends, listens }
    }

    /// Every mail so far, in the order in which they came.
    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The receivers that were named so far, the refused ones too.
    pub fn offered(&self) -> Vec<String> {
        self.offered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first mail to an address, once it is there.
    ///
    /// # Panics
    /// When none comes.
    pub async fn mail_to(&self, address: &str) -> Taken {
        for _ in 0..3_000 {
            if let Some(mail) = self.taken().into_iter().find(|mail| mail.to == address) {
                return mail;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no mail to {address} among {} mails", self.taken().len())
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        // Wakes it.
        let _ = TcpStream::connect(self.address);
        if let Some(listens) = self.listens.take() {
            let _ = listens.join();
        }
    }
}

#[derive(Clone)]
struct Desk {
    manners: Manners,
    taken: Arc<Mutex<Vec<Taken>>>,
    offered: Arc<Mutex<Vec<String>>>,
}

/// In the clear or secured.
enum Wire {
    Clear(TcpStream),
    Secured(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    fn secured(stream: TcpStream) -> io::Result<Self> {
        let certificate = CertificateDer::from_pem_slice(SERVER_CERTIFICATE).map_err(io::Error::other)?;
        let key = PrivateKeyDer::Pkcs8(SERVER_KEY.into());
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
        let connection = ServerConnection::new(Arc::new(config.map_err(io::Error::other)?));
        Ok(Self::Secured(Box::new(StreamOwned::new(connection.map_err(io::Error::other)?, stream))))
    }

    /// A line without its end; `None` at the end of all. Byte by byte, so that nothing of what follows TLS is lost.
    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        let mut byte = [0];
        loop {
            let read = match self {
                Self::Clear(stream) => stream.read(&mut byte),
                Self::Secured(stream) => stream.read(&mut byte),
            };
            match (read?, byte[0]) {
                (0, _) => return Ok(None),
                (_, b'\n') => return Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned())),
                (_, other) => line.push(other),
            }
        }
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.write_all(text.as_bytes()),
            Self::Secured(stream) => {
                stream.write_all(text.as_bytes())?;
                stream.flush()
            }
        }
    }
}

impl Desk {
    fn attend(&self, stream: TcpStream) -> io::Result<()> {
        let mut wire = match self.manners.security {
            Security::Implicit => Wire::secured(stream)?,
            _ => Wire::Clear(stream),
        };
        let mut is_known = self.manners.password.is_none();
        let (mut from, mut to) = (String::new(), String::new());
        wire.say("220 mail server of a test\r\n")?;
        while let Some(line) = wire.line()? {
            let word = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
            let path = || line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
            match word.as_str() {
                "EHLO" => wire.say(&self.greeting(&wire))?,
                "STARTTLS" => {
                    wire.say("220 go ahead\r\n")?;
                    let Wire::Clear(stream) = wire else { return Ok(()) };
                    wire = Wire::secured(stream)?;
                }
                "AUTH" => {
                    is_known = self.knows(&line);
                    wire.say(if is_known { "235 welcome\r\n" } else { "535 who are you\r\n" })?;
                }
                "MAIL" if !is_known => wire.say("530 say who you are\r\n")?,
                "MAIL" => {
                    from = path();
                    wire.say("250 ok\r\n")?;
                }
                "RCPT" => {
                    to = path();
                    self.offered.lock().unwrap_or_else(PoisonError::into_inner).push(to.clone());
                    let refusal = self.manners.refuses.and_then(|refuses| refuses(&to));
                    wire.say(&format!("{}\r\n", refusal.unwrap_or("250 ok")))?;
                }
                "DATA" => self.take(&mut wire, from.clone(), to.clone())?,
                "QUIT" => return wire.say("221 bye\r\n"),
                _ => wire.say("250 ok\r\n")?,
            }
        }
        Ok(())
    }

    fn greeting(&self, wire: &Wire) -> String {
        let offers_tls = self.manners.security == Security::Starttls && matches!(wire, Wire::Clear(_));
        let tls = if offers_tls { "250-STARTTLS\r\n" } else { "" };
        format!("250-localhost\r\n{tls}250-AUTH PLAIN\r\n250 8BITMIME\r\n")
    }

    /// `AUTH PLAIN` with its answer in the same line: base64 of `\0user\0password`.
    fn knows(&self, line: &str) -> bool {
        let Some((user, password)) = &self.manners.password else { return true };
        line.split(' ').nth(2) == Some(BASE64_STANDARD.encode(format!("\0{user}\0{password}")).as_str())
    }

    fn take(&self, wire: &mut Wire, from: String, to: String) -> io::Result<()> {
        wire.say("354 go on\r\n")?;
        let mut text = String::new();
        while let Some(line) = wire.line()?.filter(|line| line != ".") {
            text.push_str(line.strip_prefix('.').unwrap_or(&line));
            text.push('\n');
        }
        let is_secured = matches!(wire, Wire::Secured(_));
        let mail = Taken { from, to, text, is_secured };
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
        wire.say("250 taken\r\n")
    }
}
