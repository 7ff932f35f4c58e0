//! A wire to a server that a test can cut, mend, or let answer that it is busy.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

pub(crate) struct Wire {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// `None`: it is cut.
    server: Option<SocketAddr>,
    /// So many connections more are answered 503.
    busy: u32,
    open: Vec<TcpStream>,
}

fn address(base: &str) -> SocketAddr {
    base.strip_prefix("http://").unwrap().parse().unwrap()
}

impl Wire {
    pub(crate) fn to(base: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { server: Some(address(base)), ..State::default() }));
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = shared.clone();
                thread::spawn(move || {
                    // A connection that breaks is what a wire is for.
                    let _ = carry(&stream, &state);
                });
            }
        });
        Self { address: own, state }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn cut(&self) {
        self.set(|state| state.server = None);
    }

    pub(crate) fn mend(&self, base: &str) {
        self.set(|state| state.server = Some(address(base)));
    }

    /// The next requests are told to come again in a second.
    pub(crate) fn busy(&self, times: u32) {
        self.set(|state| state.busy = times);
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap();
        change(&mut state);
        for stream in state.open.drain(..) {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn carry(client: &TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let server = {
        let mut state = state.lock().unwrap();
        if state.busy > 0 {
            state.busy -= 1;
            None
        } else {
            let Some(server) = state.server else { return client.shutdown(Shutdown::Both) };
            let server = TcpStream::connect(server)?;
            state.open.extend([client.try_clone()?, server.try_clone()?]);
            Some(server)
        }
    };
    let Some(server) = server else { return say_busy(client) };
    let (from, to) = (server.try_clone()?, client.try_clone()?);
    let back =
        thread::spawn(move || io::copy(&mut &from, &mut &to).and_then(|_| to.shutdown(Shutdown::Both)));
    io::copy(&mut &*client, &mut &server)?;
    server.shutdown(Shutdown::Write)?;
    back.join().unwrap()
}

/// Reads one request whole: whoever is cut off while sending does not hear the answer.
fn say_busy(mut client: &TcpStream) -> io::Result<()> {
    let mut read = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let head = read.windows(4).position(|four| four == b"\r\n\r\n");
        if head.is_some_and(|end| read.len() >= end + 4 + body_bytes(&read[..end])) {
            break;
        }
        let count = client.read(&mut piece)?;
        read.extend_from_slice(&piece[..count]);
        if count == 0 {
            break;
        }
    }
    client.write_all(
        b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    )?;
    client.shutdown(Shutdown::Both)
}

fn body_bytes(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    length.unwrap_or_default()
}
