use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Database;
use super::cluster::free_port;

/// Between two looks at what is wanted.
const PAUSE: Duration = Duration::from_millis(2);

/// A TCP proxy on 127.0.0.1 in front of a port there: a network that can be cut, refused and stalled. It ends on drop, and
/// its connections with it.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    state: Arc<State>,
    listening: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    server: u16,
    refuses: AtomicBool,
    stalls: AtomicBool,
    ends: AtomicBool,
    /// Both sides of each connection.
    sockets: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Starts a proxy in front of a port, and waits until it listens.
    pub(crate) fn start(server: u16) -> Self {
        let port = free_port();
        let state = Arc::new(State {
            server,
            ..State::default()
        });
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
        let listening = std::thread::spawn({
            let state = Arc::clone(&state);
            move || state.listen(port, listener)
        });
        Self {
            port,
            state,
            listening: Some(listening),
        }
    }

    /// `PG*` variables that lead to a database through the proxy.
    pub(crate) fn environment(&self, database: &Database<'_>) -> BTreeMap<String, String> {
        let mut environment = database.tcp_environment();
        environment.insert("PGPORT".to_owned(), self.port.to_string());
        // One connection for each psql: no request for encryption first.
        environment.insert("PGSSLMODE".to_owned(), "disable".to_owned());
        environment
    }

    /// Cuts every connection; new ones are welcome.
    pub(crate) fn cut(&self) {
        for socket in self.state.sockets.lock().unwrap().drain(..) {
            // It may have ended by itself.
            drop(socket.shutdown(Shutdown::Both));
        }
    }

    /// Cuts every connection and refuses new ones, until [`Proxy::resume`].
    pub(crate) fn refuse(&self) {
        self.state.refuses.store(true, Ordering::SeqCst);
        while TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
            std::thread::sleep(PAUSE);
        }
        self.cut();
    }

    /// Passes nothing on any more and closes nothing, until [`Proxy::resume`].
    pub(crate) fn stall(&self) {
        self.state.stalls.store(true, Ordering::SeqCst);
    }

    /// Goes on as if nothing had been.
    pub(crate) fn resume(&self) {
        self.state.stalls.store(false, Ordering::SeqCst);
        self.state.refuses.store(false, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.ends.store(true, Ordering::SeqCst);
        self.resume();
        if let Some(listening) = self.listening.take() {
            let _ended = listening.join();
        }
        self.cut();
    }
}

impl State {
    fn listen(self: Arc<Self>, port: u16, listener: TcpListener) {
        let mut listener = Some(listener);
        while !self.ends.load(Ordering::SeqCst) {
            if self.refuses.load(Ordering::SeqCst) {
                listener = None;
            } else {
                let listener = listener.get_or_insert_with(|| {
                    TcpListener::bind(("127.0.0.1", port)).expect("own port")
                });
                listener.set_nonblocking(true).expect("own socket");
                if let Ok((client, _)) = listener.accept() {
                    self.connect(client);
                    continue;
                }
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Connects a client with the server; a server that is not there is a connection that ends at once.
    fn connect(self: &Arc<Self>, client: TcpStream) {
        let Ok(server) = TcpStream::connect(("127.0.0.1", self.server)) else {
            return;
        };
        let copy = |socket: &TcpStream| socket.try_clone().expect("own socket");
        for socket in [&client, &server] {
            socket.set_nonblocking(false).expect("own socket");
            socket.set_nodelay(true).expect("own socket");
        }
        self.sockets
            .lock()
            .unwrap()
            .extend([copy(&client), copy(&server)]);
        let (state, from, to) = (Arc::clone(self), copy(&client), copy(&server));
        std::thread::spawn(move || state.pass_on(from, to));
        let state = Arc::clone(self);
        std::thread::spawn(move || state.pass_on(server, client));
    }

    /// Passes on what comes from one side, until one of them ends.
    fn pass_on(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            self.wait_while_stalled();
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        // An end is no news either that comes through.
        self.wait_while_stalled();
        for socket in [from, to] {
            // The other direction may have ended it.
            drop(socket.shutdown(Shutdown::Both));
        }
    }

    fn wait_while_stalled(&self) {
        while self.stalls.load(Ordering::SeqCst) {
            std::thread::sleep(PAUSE);
        }
    }
}
