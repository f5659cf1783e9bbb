//! A disk for temporary files that is full.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout};

use serde_json::Value;

use crate::fleet::world::{Fleet, answers, names};
use crate::provision::SMALL;
use crate::support::Cluster;

/// Mounts a file system of 64 KiB as `TMPDIR`, in its own namespaces and without privileges, and
/// runs the binary there.
const MOUNTED: &str = "mount -t tmpfs -o size=64k none \"$TMPDIR\" && exec \"$0\" \"$@\"";

/// Starts the binary where its `TMPDIR` is a small disk.
fn start(fleet: &Fleet<'_>, more: &[&str]) -> Child {
    let binary = env!("CARGO_BIN_EXE_schemastamp");
    let unshare = [
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        MOUNTED,
        binary,
        "provision",
        "--format",
        "json",
    ];
    fleet
        .world
        .command_of(Path::new("/usr/bin/unshare"), &[&unshare, more].concat())
        .spawn()
        .unwrap()
}

/// A stream on a small disk: names in, answers out.
struct Stream<'a> {
    fleet: Fleet<'a>,
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Stream<'_> {
    fn ask(&mut self, name: &str) -> Value {
        writeln!(self.child.stdin.as_mut().unwrap(), "{name}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// A file on the disk, as it is seen from outside.
    fn file(&self) -> PathBuf {
        let tmp = self.fleet.world.path("tmp");
        Path::new("/proc")
            .join(self.child.id().to_string())
            .join("root")
            .join(tmp.strip_prefix("/").unwrap())
            .join("file")
    }
}

#[test]
fn full_disk_fails_only_tenants_without_space() {
    let fleet = Fleet::on(Cluster::shared(), SMALL);
    let mut child = start(
        &fleet,
        &["--from-file", "-", "--jobs", "1", "--retries", "0"],
    );
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut stream = Stream {
        fleet,
        child,
        output,
    };
    assert_eq!(stream.ask("before")["outcome"], "created");
    let full = std::fs::write(stream.file(), vec![b'x'; 128 * 1024]).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    for name in ["first", "second"] {
        let answer = stream.ask(name);
        assert_eq!(
            (&answer["outcome"], &answer["error"]["id"]),
            (&"failed".into(), &"file.private_folder".into())
        );
        assert_eq!(stream.fleet.schemas().len(), 1, "nothing is begun");
    }
    std::fs::remove_file(stream.file()).unwrap();
    assert_eq!(stream.ask("behind")["outcome"], "created");
    let Stream { fleet, child, .. } = stream;
    drop(fleet.world.finish(child).exits_with(18));
    fleet.assert_nothing_left();
    fleet.assert_whole(&["before".to_owned(), "behind".to_owned()]);
}

#[test]
fn full_disk_is_reported_for_each_tenant() {
    let comment = "-- padding\n".repeat(8000);
    let body = format!(
        "{SMALL}\nCREATE FUNCTION #{{prefix}}.long() RETURNS void LANGUAGE plpgsql AS $$\nBEGIN\n{comment}END $$;\n"
    );
    let fleet = Fleet::on(Cluster::shared(), &body);
    fleet.list(&names("t", 3));
    let child = start(&fleet, &["--from-file", "names", "--jobs", "2"]);
    let output = fleet.world.finish(child).exits_with(18);
    let answers = answers(&output);
    assert_eq!(answers.len(), 3);
    assert!(
        answers
            .iter()
            .all(|answer| answer.id == "file.private_folder"),
        "{output}"
    );
    assert!(output.stderr.contains("hint: set TMPDIR"), "{output}");
    assert!(fleet.schemas().is_empty());
    fleet.assert_nothing_left();
}
