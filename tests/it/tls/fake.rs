use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A server that is none: it treats every connection in the same way. Its thread ends with the test process.
pub(super) struct Fake {
    pub(super) port: u16,
}

impl Fake {
    /// Gives every connection to `answer`.
    fn start_raw(answer: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = Arc::clone(&answer);
                std::thread::spawn(move || answer(stream));
            }
        });
        Self { port }
    }

    /// Answers every connection by `answer`, which gets the stream after the client's first bytes.
    pub(super) fn start(answer: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        Self::start_raw(move |mut stream| {
            let mut first = [0; 64];
            if stream.read(&mut first).is_ok_and(|length| length > 0) {
                answer(stream);
            }
        })
    }

    /// A web server.
    pub(super) fn http() -> Self {
        Self::start(|stream| {
            say(
                stream,
                b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
            );
        })
    }

    /// A server of HTTP/2, which begins with its settings.
    pub(super) fn http2() -> Self {
        Self::start(|stream| {
            say(
                stream,
                b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\0\xff\xff\0\x05\0\0\x40\0",
            );
        })
    }

    /// A server of SSH, which speaks first.
    pub(super) fn ssh() -> Self {
        Self::start_raw(|stream| say(stream, b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"))
    }

    /// A service in plaintext that refuses every login in these words: `FATAL:  …`, with a `DETAIL` line behind a line feed.
    pub(super) fn refusing(words: &str) -> Self {
        let words = words.to_owned();
        Self::start_raw(move |mut stream| {
            let mut first = [0; 1024];
            loop {
                match stream.read(&mut first) {
                    // The request for TLS, or for encryption by GSSAPI.
                    Ok(8) if stream.write_all(b"N").is_ok() => {}
                    Ok(1..) => return say(stream, &error_response(&words)),
                    _ => return,
                }
            }
        })
    }

    /// A service that asks for a password in clear, and refuses every one in these words.
    pub(super) fn refusing_passwords(words: &str) -> Self {
        let words = words.to_owned();
        Self::start_raw(move |mut stream| {
            let mut first = [0; 1024];
            loop {
                match stream.read(&mut first) {
                    Ok(8) if stream.write_all(b"N").is_ok() => {}
                    Ok(1..) if first[0] == b'p' => return say(stream, &error_response(&words)),
                    Ok(1..) if stream.write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 3]).is_ok() => {}
                    _ => return,
                }
            }
        })
    }

    /// A server in another language: the words, the SQLSTATE and the routine of its own.
    pub(super) fn in_another_language(words: &str, sqlstate: &str, routine: &str) -> Self {
        let fields = format!("SFATAL\0VFATAL\0C{sqlstate}\0M{words}\0R{routine}\0\0");
        let length = u32::try_from(fields.len() + 4).unwrap();
        let response = [b"E" as &[u8], &length.to_be_bytes(), fields.as_bytes()].concat();
        Self::start_raw(move |mut stream| {
            let mut first = [0; 1024];
            loop {
                match stream.read(&mut first) {
                    Ok(8) if stream.write_all(b"N").is_ok() => {}
                    Ok(1..) => return say(stream, &response),
                    _ => return,
                }
            }
        })
    }

    /// A postmaster that cannot start a process: an error of protocol 2 in place of any answer.
    pub(super) fn without_processes() -> Self {
        Self::start(|stream| {
            say(
                stream,
                b"Ecould not fork new process for connection: Resource temporarily unavailable\n\0",
            );
        })
    }

    /// Closes without a word.
    pub(super) fn closing() -> Self {
        Self::start(drop)
    }

    /// Says nothing, and keeps the connection.
    pub(super) fn silent() -> Self {
        Self::start(wait)
    }

    /// Willing to use TLS, then rubbish.
    pub(super) fn rubbish() -> Self {
        Self::start(|mut stream| {
            if stream.write_all(b"S").is_ok() && stream.read(&mut [0; 1024]).is_ok() {
                say(stream, b"\x00\xff\x1b[31mrubbish\x00\x00\x00\x00\x00");
            }
        })
    }

    /// Willing to use TLS, then an alert that gives no reason: `internal_error`.
    pub(super) fn giving_up() -> Self {
        Self::answering_hello(&[0x15, 0x03, 0x03, 0, 2, 2, 80])
    }

    /// The answer of a server of TLS 1.2 without any extension, so without that for secure renegotiation. Nothing follows.
    pub(super) fn without_secure_renegotiation() -> Self {
        // Version, random, no session, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, no compression.
        let mut message = vec![0x16, 3, 3, 0, 42, 2, 0, 0, 38, 3, 3];
        message.extend([7; 32]);
        message.extend([0, 0xc0, 0x2f, 0]);
        Self::answering_hello(&message)
    }

    /// Willing to use TLS; answers the client's first message with these bytes.
    fn answering_hello(bytes: &[u8]) -> Self {
        let bytes = bytes.to_owned();
        Self::start(move |mut stream| {
            if stream.write_all(b"S").is_ok() && stream.read(&mut [0; 4096]).is_ok() {
                say(stream, &bytes);
            }
        })
    }

    /// A service that lets everybody in, and says no more.
    pub(super) fn silent_after_the_login() -> Self {
        Self::start_raw(move |mut stream| {
            let mut first = [0; 1024];
            loop {
                match stream.read(&mut first) {
                    Ok(8) if stream.write_all(b"N").is_ok() => {}
                    Ok(1..) => {
                        // AuthenticationOk.
                        if stream.write_all(b"R\0\0\0\x08\0\0\0\0").is_ok() {
                            wait(stream);
                        }
                        return;
                    }
                    _ => return,
                }
            }
        })
    }

    /// A service that offers SCRAM and answers its first message with what is none.
    pub(super) fn half_of_scram() -> Self {
        Self::start_raw(move |mut stream| {
            let mut first = [0; 1024];
            loop {
                let answered = match stream.read(&mut first) {
                    Ok(8) => stream.write_all(b"N"),
                    // AuthenticationSASLContinue.
                    Ok(1..) if first[0] == b'p' => {
                        return say(stream, b"R\0\0\0\x0c\0\0\0\x0brubb");
                    }
                    // AuthenticationSASL.
                    Ok(1..) => stream.write_all(b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"),
                    _ => return,
                };
                if answered.is_err() {
                    return;
                }
            }
        })
    }

    /// Willing to use TLS, then the beginning of a record whose rest never comes.
    pub(super) fn half_a_handshake() -> Self {
        Self::start(|mut stream| {
            if stream.write_all(b"S").is_ok() && stream.read(&mut [0; 1024]).is_ok() {
                let begun = stream.write_all(&[0x16, 0x03, 0x03, 0x40, 0x00, 0x02]);
                if begun.is_ok() {
                    wait(stream);
                }
            }
        })
    }
}

/// A relay in front of a port of 127.0.0.1 that keeps what clients send. Its threads end with the test process.
pub(super) struct Wiretap {
    pub(super) port: u16,
    sent: Arc<Mutex<Vec<u8>>>,
}

impl Wiretap {
    pub(super) fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&sent);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else {
                    continue;
                };
                let kept = Arc::clone(&kept);
                relay(&client, &server, move |bytes| {
                    kept.lock().unwrap().extend_from_slice(bytes);
                    true
                });
            }
        });
        Self { port, sent }
    }

    /// Whether some client has sent these bytes since the last question.
    pub(super) fn has_seen(&self, bytes: &str) -> bool {
        let sent = std::mem::take(&mut *self.sent.lock().unwrap());
        sent.windows(bytes.len())
            .any(|part| part == bytes.as_bytes())
    }
}

/// Something between client and server that is no proxy. Its threads end with the test process.
pub(super) struct Relay {
    pub(super) port: u16,
}

impl Relay {
    /// Answers the request for TLS itself and passes everything else on.
    pub(super) fn answering_the_request(server: u16) -> Self {
        Self::start(move |mut client| {
            let mut request = [0; 8];
            let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else {
                return;
            };
            if client.read_exact(&mut request).is_ok() && client.write_all(b"S").is_ok() {
                relay(&client, &server, |_| true);
            }
        })
    }

    /// Cuts a connection whose first message of TLS has more bytes than that.
    pub(super) fn losing_large_messages(server: u16, limit: usize) -> Self {
        Self::start(move |client| {
            if let Ok(server) = TcpStream::connect(("127.0.0.1", server)) {
                let mut messages = 0;
                relay(&client, &server, move |bytes| {
                    messages += 1;
                    // The first one is the request for TLS.
                    messages != 2 || bytes.len() <= limit
                });
            }
        })
    }

    fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let port = Fake::start_raw(serve).port;
        Self { port }
    }
}

/// Passes bytes on in both directions until one side ends; `passes` gets what the client sends, and may cut the connection.
fn relay(
    client: &TcpStream,
    server: &TcpStream,
    mut passes: impl FnMut(&[u8]) -> bool + Send + 'static,
) {
    let (mut from_client, mut to_server) =
        (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (mut from_server, mut to_client) =
        (server.try_clone().unwrap(), client.try_clone().unwrap());
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(length @ 1..) = from_client.read(&mut buffer) {
            if !passes(&buffer[..length]) || to_server.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        // The other side may have ended first.
        drop(to_server.shutdown(Shutdown::Both));
        drop(from_client.shutdown(Shutdown::Both));
    });
    std::thread::spawn(move || {
        // A connection that is cut is as good as one that ends.
        drop(std::io::copy(&mut from_server, &mut to_client));
        drop(to_client.shutdown(Shutdown::Both));
    });
}

/// An `ErrorResponse` as a service without `PostgreSQL`'s own fields sends it.
fn error_response(words: &str) -> Vec<u8> {
    let (severity, rest) = words.split_once(":  ").unwrap_or(("FATAL", words));
    let (message, detail) = rest.split_once("\nDETAIL:  ").unwrap_or((rest, ""));
    let mut fields = format!("S{severity}\0CXX000\0M{message}\0");
    if !detail.is_empty() {
        fields.push('D');
        fields.push_str(detail);
        fields.push('\0');
    }
    fields.push('\0');
    let length = u32::try_from(fields.len() + 4).unwrap();
    [b"E" as &[u8], &length.to_be_bytes(), fields.as_bytes()].concat()
}

fn say(mut stream: TcpStream, words: &[u8]) {
    if stream.write_all(words).is_ok() {
        // Closing with unread bytes would reset the connection before the words are read.
        std::thread::sleep(Duration::from_millis(300));
    }
}

fn wait(stream: TcpStream) {
    std::thread::sleep(Duration::from_mins(1));
    drop(stream);
}

/// A port whose packets are dropped, as by a firewall: a listener whose queue is full.
pub(super) struct Filtered {
    pub(super) port: u16,
    _runtime: tokio::runtime::Runtime,
    _listener: tokio::net::TcpListener,
    _queue: Vec<TcpStream>,
}

impl Filtered {
    pub(super) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .unwrap();
        let guard = runtime.enter();
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(0).unwrap();
        drop(guard);
        let address = listener.local_addr().unwrap();
        let mut queue = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            queue.push(stream);
        }
        Self {
            port: address.port(),
            _runtime: runtime,
            _listener: listener,
            _queue: queue,
        }
    }
}
