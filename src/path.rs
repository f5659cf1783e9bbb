//! File access whose errors name the path.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// The permission bits of a mode, without the file's type.
pub const PERMISSIONS: u32 = 0o7777;
/// The permission bits of everybody but the owner: none of them is set on what is private.
pub const GROUP_AND_OTHERS: u32 = 0o077;

/// An I/O error with the path it happened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} '{}'", path.display())]
pub struct PathError {
    /// Action that was tried: `read`, `write`, `create` and the like.
    pub action: &'static str,
    /// The path, as it was given.
    pub path: PathBuf,
    /// Error of the operating system.
    #[source]
    pub source: io::Error,
}

impl PathError {
    /// Returns a closure for `map_err` that adds the action and the path.
    pub fn on<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self {
            action,
            path: path.to_owned(),
            source,
        }
    }
}

/// Most bytes of a file that is read whole.
const LIMIT: u64 = 1 << 30;
/// Most bytes of a device: `/dev/null` has none, `/dev/zero` no end.
const DEVICE_LIMIT: u64 = 1 << 16;
/// Interval at which a read that waits checks whether it should go on.
const PAUSE: Duration = Duration::from_millis(50);

/// Opens a file for reading, without waiting for anybody who writes into it.
///
/// # Errors
/// The error names the path; a FIFO and a socket are [`io::ErrorKind::InvalidInput`].
pub fn open(path: &Path) -> Result<fs::File, PathError> {
    let file = open_any(path).map_err(PathError::on("open", path))?;
    match kind_of(&file) {
        Ok(ReadKind::File | ReadKind::Device) => Ok(file),
        Ok(ReadKind::Stream) => Err(PathError::on("open", path)(not_a_file())),
        Err(error) => Err(PathError::on("open", path)(error)),
    }
}

/// Reads a whole file.
///
/// # Errors
/// The error names the path; what blocks (a FIFO, a socket) or has no end is [`io::ErrorKind::InvalidInput`].
pub fn read(path: &Path) -> Result<Vec<u8>, PathError> {
    let read = || read_file(&open_any(path)?);
    read().map_err(PathError::on("read", path))
}

fn read_file(file: &fs::File) -> io::Result<Vec<u8>> {
    match kind_of(file)? {
        ReadKind::File => read_bounded(file, LIMIT),
        ReadKind::Device => read_bounded(file, DEVICE_LIMIT),
        ReadKind::Stream => Err(not_a_file()),
    }
}

/// Reads a whole file, or what comes through a FIFO or a pipe such as `/dev/fd/63` until it is closed.
///
/// # Errors
/// As [`read`]; [`io::ErrorKind::Interrupted`] when `is_cancelled` says so, and [`io::ErrorKind::TimedOut`] when the end did
/// not come in time.
pub fn read_input(
    path: &Path,
    timeout: Option<Duration>,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Vec<u8>, PathError> {
    let read = || {
        let file = open_any(path)?;
        match kind_of(&file)? {
            ReadKind::File => read_bounded(&file, LIMIT),
            ReadKind::Device => read_bounded(&file, DEVICE_LIMIT),
            ReadKind::Stream => read_stream(file, timeout, is_cancelled),
        }
    };
    read().map_err(PathError::on("read", path))
}

/// Reads a whole file as UTF-8.
///
/// # Errors
/// As [`read`]; bytes that are not UTF-8 are [`io::ErrorKind::InvalidData`].
pub fn read_to_string(path: &Path) -> Result<String, PathError> {
    text(read(path)?).map_err(PathError::on("read", path))
}

/// A file that was read whole, and the metadata of the same opened file.
#[derive(Clone, Debug)]
pub struct TextFile {
    /// The content.
    pub text: String,
    /// The metadata, whatever has become of the path since.
    pub metadata: fs::Metadata,
}

/// Reads a whole file as UTF-8, with its metadata.
///
/// # Errors
/// As [`read_to_string`].
pub fn read_text_file(path: &Path) -> Result<TextFile, PathError> {
    let read = || {
        let file = open_any(path)?;
        Ok(TextFile {
            text: text(read_file(&file)?)?,
            metadata: file.metadata()?,
        })
    };
    read().map_err(PathError::on("read", path))
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Ways in which something is read.
enum ReadKind {
    File,
    Device,
    /// It may block.
    Stream,
}

fn open_any(path: &Path) -> io::Result<fs::File> {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
}

fn kind_of(file: &fs::File) -> io::Result<ReadKind> {
    let kind = file.metadata()?.file_type();
    Ok(if kind.is_fifo() || kind.is_socket() {
        ReadKind::Stream
    } else if kind.is_char_device() || kind.is_block_device() {
        ReadKind::Device
    } else {
        ReadKind::File
    })
}

fn not_a_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")
}

fn too_large(limit: u64) -> io::Error {
    let text = format!("more than {limit} bytes");
    io::Error::new(io::ErrorKind::FileTooLarge, text)
}

fn read_bounded(file: &fs::File, limit: u64) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    if length > limit {
        return Err(too_large(limit));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    Ok(bytes)
}

fn read_stream(
    mut file: fs::File,
    timeout: Option<Duration>,
    is_cancelled: &dyn Fn() -> bool,
) -> io::Result<Vec<u8>> {
    let start = Instant::now();
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if let Some(timeout) = timeout.filter(|timeout| start.elapsed() > *timeout) {
            let text = format!("its end did not come within {:.1} s", timeout.as_secs_f64());
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        // A FIFO that nobody has opened for writing yet is at its end for read(2), but not for poll(2).
        let mut polled = [PollFd::new(&file, PollFlags::IN)];
        let pause = Timespec::try_from(PAUSE).ok();
        match poll(&mut polled, pause.as_ref()) {
            Ok(0) | Err(Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        match file.read(&mut buffer) {
            Ok(0) => return Ok(bytes),
            Ok(length) => bytes.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) => {}
            Err(error) => return Err(error),
        }
        if u64::try_from(bytes.len()).is_ok_and(|length| length > LIMIT) {
            return Err(too_large(LIMIT));
        }
    }
}

/// Returns whether a path is written into and never replaced: a device such as `/dev/null`, a pipe.
pub fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir())
}

/// Replaces a file in one step: the new content is complete under `path` or the old one stays.
///
/// If the path is a symbolic link, its target is replaced. A device or a pipe is written into.
///
/// # Errors
/// The error names the path.
pub fn write_atomic(path: &Path, content: &[u8]) -> Result<(), PathError> {
    write_with(path, content, None)
}

/// Like [`write_atomic`], for a file that everybody may read, whatever the umask and the old file say.
///
/// # Errors
/// The error names the path.
pub fn write_atomic_readable(path: &Path, content: &[u8]) -> Result<(), PathError> {
    use std::os::unix::fs::PermissionsExt as _;
    write_with(path, content, Some(fs::Permissions::from_mode(0o644)))
}

fn write_with(path: &Path, content: &[u8], mode: Option<fs::Permissions>) -> Result<(), PathError> {
    if is_special(path) {
        let opened = fs::OpenOptions::new().write(true).open(path);
        return opened
            .and_then(|mut file| file.write_all(content))
            .map_err(PathError::on("write", path));
    }
    let target = behind_links(path);
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Create a missing directory if its parent exists, such as `snapshots/` of a new project.
    if !folder.exists() {
        fs::create_dir(folder).map_err(PathError::on("create", folder))?;
    }
    let mut file = tempfile::Builder::new()
        .prefix(".schemastamp-")
        .permissions(permissions(&target))
        .tempfile_in(folder)
        // Without the temporary name, which says nothing to anybody.
        .map_err(|error| PathError::on("write", path)(error.kind().into()))?;
    file.write_all(content)
        .and_then(|()| mode.map_or(Ok(()), |mode| file.as_file().set_permissions(mode)))
        .and_then(|()| file.as_file().sync_all())
        .map_err(PathError::on("write", path))?;
    file.persist(&target)
        .map_err(|error| PathError::on("write", path)(error.error))?;
    Ok(())
}

/// Returns the target of a symbolic link, also if the target does not exist.
fn behind_links(path: &Path) -> PathBuf {
    // The number of links that Linux follows.
    const MOST: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST {
        let Ok(target) = fs::read_link(&path) else {
            break;
        };
        // A relative target is relative to the link's directory.
        path = path
            .parent()
            .map_or_else(|| target.clone(), |folder| folder.join(&target));
    }
    path
}

/// Returns the one spelling of a path that may lead through links, of a file that may not exist yet.
pub fn resolved(path: &Path) -> PathBuf {
    let target = behind_links(path);
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match (fs::canonicalize(folder), target.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => target,
    }
}

/// The mode of the file that is replaced, or what the umask leaves of 0666.
fn permissions(path: &Path) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).map_or_else(
        |_| fs::Permissions::from_mode(0o666),
        |old| old.permissions(),
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn links_stay_links_and_a_mode_stays() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("real")).unwrap();
        symlink("real/new", at("link")).unwrap();
        symlink(at("link"), at("link to link")).unwrap();
        write_atomic(&at("link to link"), b"1").unwrap();
        assert_eq!(read(&at("real/new")).unwrap(), b"1");
        fs::set_permissions(at("real/new"), fs::Permissions::from_mode(0o640)).unwrap();
        write_atomic(&at("link"), b"2").unwrap();
        assert_eq!(read(&at("real/new")).unwrap(), b"2");
        assert_eq!(
            fs::metadata(at("real/new")).unwrap().permissions().mode() & 0o777,
            0o640
        );
        assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
    }

    #[test]
    fn a_device_and_a_pipe_are_written_into() {
        // A link of our own: should this fail, the system keeps its device.
        let folder = tempfile::tempdir().unwrap();
        let null = folder.path().join("null");
        symlink("/dev/null", &null).unwrap();
        assert!(
            is_special(&null)
                && !is_special(folder.path())
                && !is_special(Path::new("/nonexistent"))
        );
        write_atomic(&null, b"x").unwrap();
        assert!(
            fs::metadata("/dev/null")
                .unwrap()
                .file_type()
                .is_char_device()
        );
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::Mode::from_raw_mode(0o600),
        )
        .unwrap();
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || read_input(&pipe, None, &|| false).unwrap()
        });
        write_atomic(&pipe, b"through").unwrap();
        assert_eq!(reader.join().unwrap(), b"through");
        assert!(is_special(&pipe));
    }

    #[test]
    fn what_blocks_or_has_no_end_is_refused_or_answers() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, at("fifo"), mode).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        symlink("/dev/zero", at("zero")).unwrap();
        symlink("/dev/null", at("null")).unwrap();
        for name in ["fifo", "socket", "zero"] {
            assert!(read(&at(name)).is_err(), "{name}");
        }
        assert_eq!(read(&at("null")).unwrap(), b"");
        let sparse = fs::File::create(at("sparse")).unwrap();
        sparse.set_len(LIMIT + 1).unwrap();
        let error = read(&at("sparse")).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::FileTooLarge);

        let timeout = Some(Duration::from_millis(200));
        let late = read_input(&at("fifo"), timeout, &|| false).unwrap_err();
        assert_eq!(late.source.kind(), io::ErrorKind::TimedOut);
        let start = Instant::now();
        let until = || start.elapsed() > Duration::from_millis(200);
        let stopped = read_input(&at("fifo"), None, &until).unwrap_err();
        assert_eq!(stopped.source.kind(), io::ErrorKind::Interrupted);
        // Somebody who has opened it and writes nothing is no end either.
        let _writer = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(at("fifo"))
            .unwrap();
        assert!(read_input(&at("fifo"), timeout, &|| false).is_err());
    }
}
