//! psql cuts a rendered text exactly where schemastamp thinks that it does.
//!
//! A server that only listens writes down each message; what it got is compared with what was to be sent.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use schemastamp::snapshot::{Rendered, Template, one_message};
use schemastamp::sql::TenantName;

use crate::support::Client;

/// Pieces at which readers of SQL have gone apart, or could.
const PIECES: &[&str] = &[
    "select",
    "select",
    " ",
    " ",
    " ",
    "\n",
    "\n",
    "'",
    "'",
    "''",
    "\"",
    "$$",
    "$$",
    "$a$",
    "$1",
    "$",
    "1",
    "1a",
    "1_0",
    "0x1f",
    "1e5",
    ".5",
    "..",
    "E'",
    "e'",
    "U&'",
    "U&\"",
    "N'",
    "B'",
    "\\'",
    "\\\\",
    "\\n",
    "--",
    "/*",
    "*/",
    ";",
    ";",
    "(",
    ")",
    "[",
    "]",
    "begin",
    "atomic",
    "end",
    "case",
    "create function f()",
    "create procedure begin.g()",
    ":",
    ":x",
    ":'x'",
    ":\"HOST\"",
    "::",
    "é",
    "x",
    "_",
    "a$$",
    "\r",
    "\t",
    "\u{b}",
    "+",
    "-",
    "*",
    "/",
    "#",
    "#{prefix}",
    "#{prefix}.t",
    "'#{prefix}.t'",
    "\0",
    "\\echo PWNED",
    "\n\\echo PWNED\n",
];

/// A generator that gives the same numbers on every run (Knuth's MMIX).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }

    fn script(&mut self) -> String {
        let length = 1 + self.below(14);
        let mut script = String::new();
        for _ in 0..length {
            script.push_str(PIECES[self.below(PIECES.len())]);
        }
        script
    }
}

/// What is sent for one template: as one message, and a message for each statement.
struct Case {
    source: String,
    script: String,
    messages: Vec<String>,
}

fn cases(numbers: &mut Numbers, wanted: usize, tenant: &TenantName) -> Vec<Case> {
    let mut cases = Vec::new();
    while cases.len() < wanted {
        let source = numbers.script();
        // A statement that was begun and has no semicolon counts, too.
        let Ok(template) = Template::compile(&source) else {
            continue;
        };
        if template.statements.is_empty() {
            continue;
        }
        let (mut statements, mut plain) = (Vec::new(), Vec::new());
        for statement in &template.statements {
            let (mut for_psql, mut for_server) = (String::new(), String::new());
            statement
                .render(tenant, &mut for_psql)
                .expect("an SQL body");
            statement
                .render_plain(tenant, &mut for_server)
                .expect("an SQL body");
            statements.push(Rendered::added(for_psql));
            plain.push(for_server);
        }
        let mut script = one_message(&statements);
        for statement in &statements {
            let _ = writeln!(script, "{};", statement.sql);
        }
        let mut messages = vec![plain.join(" ;\n")];
        messages.extend(plain);
        cases.push(Case {
            source,
            script,
            messages,
        });
    }
    cases
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a short message");
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

fn parameter(name: &str, value: &str) -> Vec<u8> {
    message(b'S', format!("{name}\0{value}\0").as_bytes())
}

/// Answers every query with nothing and keeps its text.
fn listen(mut stream: TcpStream, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut head = [0; 4];
    stream.read_exact(&mut head)?;
    let mut startup = vec![0; usize::try_from(u32::from_be_bytes(head)).expect("short") - 4];
    stream.read_exact(&mut startup)?;
    let ready = message(b'Z', b"I");
    let hello = [
        message(b'R', &0_u32.to_be_bytes()),
        parameter("server_version", "15.20"),
        parameter("client_encoding", "UTF8"),
        parameter("server_encoding", "UTF8"),
        parameter("standard_conforming_strings", "on"),
        ready.clone(),
    ];
    stream.write_all(&hello.concat())?;
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut body = vec![0; usize::try_from(length).expect("short") - 4];
        stream.read_exact(&mut body)?;
        if head[0] == b'Q' {
            body.pop();
            let text = String::from_utf8(body).expect("UTF-8");
            log.lock().expect("no panic").push(text);
            stream.write_all(&[message(b'I', b""), ready.clone()].concat())?;
        }
    }
}

/// A query without what psql keeps or drops as it likes: blanks and the semicolon at its ends, empty lines.
fn bare(query: &str) -> String {
    let trimmed = query.trim_matches(|c: char| c.is_ascii_whitespace());
    let trimmed = trimmed
        .strip_suffix(';')
        .unwrap_or(trimmed)
        .trim_matches(|c: char| c.is_ascii_whitespace());
    let lines = trimmed.split('\n').filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

fn compare(client: &Client, tenant: &str, seed: u64) {
    let tenant = TenantName::new(tenant).expect("a legal name");
    let mut numbers = Numbers(seed);
    let cases = cases(&mut numbers, 400, &tenant);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = Arc::clone(&heard);
    let thread = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("psql connects");
        // It ends when psql does.
        drop(listen(stream, &ears));
    });
    let folder = tempfile::tempdir().expect("the temp directory is writable");
    let mut psql = Command::new(client.psql());
    psql.env_clear()
        .args(["-X", "-q", "-w", "-h", "127.0.0.1", "-U", "u", "-d"])
        .arg("dbname=d sslmode=disable gssencmode=disable")
        .args(["-p", &port.to_string()]);
    for (number, case) in cases.iter().enumerate() {
        let script = folder.path().join(format!("{number}.sql"));
        // A line of its own that ends whatever the script has left open would hide a fault: each is a file.
        std::fs::write(&script, &case.script).expect("writable");
        let mark = folder.path().join(format!("{number}-mark.sql"));
        std::fs::write(&mark, format!("MARK {number};\n")).expect("writable");
        psql.arg("-f").arg(&script).arg("-f").arg(&mark);
    }
    let output = psql.output().expect("psql runs");
    thread.join().expect("no panic");
    let said = String::from_utf8_lossy(&output.stdout);
    let heard = heard.lock().expect("no panic");
    let mut got = heard.iter();
    for (number, case) in cases.iter().enumerate() {
        let mark = format!("MARK {number};");
        let messages: Vec<String> = got
            .by_ref()
            .take_while(|text| **text != mark)
            .map(|text| bare(text))
            .collect();
        let expected: Vec<String> = case.messages.iter().map(|text| bare(text)).collect();
        assert_eq!(
            messages, expected,
            "the template {:?}, sent as {:?}",
            case.source, case.script
        );
    }
    assert!(!said.contains("PWNED"), "psql ran a command: {said}");
}

#[test]
fn psql_cuts_what_is_rendered_where_it_was_meant() {
    for (tenant, seed) in [("acme", 1), ("begin", 2), ("o'ne\"il.$$1\\", 3)] {
        compare(&Client::installed(), tenant, seed);
    }
    for (client, seed) in [(Client::of_major(16), 4), (Client::of_major(18), 5)] {
        compare(&client, "A b", seed);
    }
}
