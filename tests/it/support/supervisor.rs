use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use super::ServerUser;

/// A small shell that starts a server, obeys orders on its standard input, and, when that input closes, ends the
/// server and removes its folder.
///
/// The pipe closes when the [`Supervisor`] is dropped and also when the test process dies in any way, by SIGKILL too. The
/// shell stands in a process group of its own, so that ctrl-C at a terminal reaches the tests and not the servers.
#[derive(Debug)]
pub(crate) struct Supervisor {
    folder: PathBuf,
    child: Mutex<Child>,
    talk: Mutex<Option<(ChildStdin, BufReader<ChildStdout>)>>,
}

/// `$1` is the folder; the rest, if any, the server and its arguments.
///
/// The signals for the end are two, because for SIGQUIT an older `PgBouncer` has no ear (a shell starts background programs
/// with it ignored), and at SIGTERM a newer one waits for its clients.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
folder=$1; shift; pid=
start() { [ $# -eq 0 ] || { "$@" >>"$folder/log" 2>&1 </dev/null & pid=$!; }; }
stop() {
  [ -n "$pid" ] || return
  for signal in "$@"; do kill "-$signal" "$pid" 2>/dev/null; done
  left=1000
  while [ -e "/proc/$pid/exe" ] && [ $left -gt 0 ]; do sleep 0.02; left=$((left - 1)); done
  kill -KILL "$pid" 2>/dev/null; wait "$pid"; pid=
}
start "$@"
while read -r order; do
  case $order in
    start) start "$@" ;;
    reload) kill -HUP "$pid" ;;
    *) stop $order ;;
  esac
  echo done
done
stop QUIT TERM
rm -rf "$folder"
"#;

impl Supervisor {
    /// Makes a folder under the temp directory that belongs to the server's user and that everybody may enter.
    ///
    /// Its path is short: a Unix socket's path may have 107 bytes.
    pub(crate) fn make_folder() -> PathBuf {
        let folder = tempfile::Builder::new()
            .prefix("sst-")
            .tempdir()
            .expect("the temp directory is writable")
            .keep();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755))
            .expect("own folder");
        ServerUser::get().owns(&folder);
        folder
    }

    /// Starts the server, with its output in `folder/log`; an empty `program` only guards the folder.
    pub(crate) fn start(folder: &Path, program: &[&str]) -> Self {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "supervisor"])
            .arg(folder)
            .args(program);
        command.env_clear().envs([
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            ("LC_ALL", "C"),
            ("TZ", "UTC"),
        ]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .current_dir(folder)
            .process_group(0);
        ServerUser::get().applies_to(&mut command);
        let mut child = command.spawn().expect("sh starts");
        let talk = (
            child.stdin.take().unwrap(),
            BufReader::new(child.stdout.take().unwrap()),
        );
        Self {
            folder: folder.to_owned(),
            child: Mutex::new(child),
            talk: Mutex::new(Some(talk)),
        }
    }

    /// The folder that goes when the supervisor goes.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives an order (`start`, `reload`, or the signals to end the server with: `INT`, `QUIT TERM`) and waits until it is
    /// done. A server that does not end is killed after 20 s.
    pub(crate) fn order(&self, order: &str) {
        let mut talk = self.talk.lock().unwrap();
        let (input, output) = talk.as_mut().expect("open until dropped");
        writeln!(input, "{order}").expect("the supervisor reads");
        let mut answer = String::new();
        output
            .read_line(&mut answer)
            .expect("the supervisor answers");
        assert_eq!(answer, "done\n", "the supervisor is gone");
    }

    /// What the server has said so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.join("log")).unwrap_or_default())
            .into_owned()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        if let Ok(mut talk) = self.talk.lock() {
            talk.take();
        }
        if let Ok(mut child) = self.child.lock() {
            let _ended = child.wait();
        }
    }
}
