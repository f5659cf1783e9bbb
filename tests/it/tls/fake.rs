use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// A server that is none: it treats every connection in the same way. Its thread ends with the test process.
pub(super) struct Fake {
    pub(super) port: u16,
}

impl Fake {
    /// Answers every connection by `answer`, which gets the stream after the client's first bytes.
    pub(super) fn start(answer: fn(TcpStream)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                std::thread::spawn(move || {
                    let mut first = [0; 64];
                    if stream.read(&mut first).is_ok_and(|length| length > 0) {
                        answer(stream);
                    }
                });
            }
        });
        Self { port }
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
