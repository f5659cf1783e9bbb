//! A server that asks for a password in clear text and keeps it: to learn which one psql takes from a password file.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

/// Waits for one connection on a free port; the thread returns the password that was sent, `None` when none was.
pub(super) fn password_taker() -> (u16, JoinHandle<Option<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let startup = message(&mut stream)?;
        assert_eq!(
            startup[..4],
            [0, 3, 0, 0],
            "protocol 3.0, no request for TLS"
        );
        // AuthenticationCleartextPassword.
        stream.write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 3]).unwrap();
        let mut kind = [0];
        stream.read_exact(&mut kind).ok()?;
        let password = message(&mut stream)?;
        Some(
            String::from_utf8_lossy(&password)
                .trim_end_matches('\0')
                .to_owned(),
        )
    });
    (port, thread)
}

/// The payload of one message: a length that counts itself, then the bytes.
fn message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut payload = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap() - 4];
    stream.read_exact(&mut payload).ok()?;
    Some(payload)
}
