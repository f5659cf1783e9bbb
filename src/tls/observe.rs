use crate::path::PERMISSIONS;

use std::fmt;
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The most bytes that are read of a certificate or key file: 4 MiB, twenty times a system's root bundle.
pub const READ_LIMIT: u64 = 4 << 20;

/// The facts about a file from the operating system, for a pure judgement afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The path that was looked at.
    pub path: PathBuf,
    /// The result of `stat`, with symbolic links followed.
    pub stat: Result<Stat, Obstacle>,
    /// The content, or `None` if the file was not opened because it does not exist or is not a
    /// regular file.
    pub content: Option<Result<Bytes, Obstacle>>,
}

/// The part of `stat` that libpq checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The kind of the file.
    pub file_type: FileType,
    /// Permission bits, as `0o640`.
    pub mode: u32,
    /// User id of the owner.
    pub owner: u32,
}

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileType {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A named pipe, which would block on opening.
    Fifo,
    /// A character or block device.
    Device,
    /// A socket.
    Socket,
}

impl fmt::Display for FileType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Regular => "a regular file",
            Self::Directory => "a directory",
            Self::Fifo => "a named pipe",
            Self::Device => "a device",
            Self::Socket => "a socket",
        })
    }
}

/// The content of a file, up to [`READ_LIMIT`].
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes {
    /// The content.
    pub bytes: Vec<u8>,
    /// The file goes on after that.
    pub cut: bool,
}

/// May be a private key: only its length is shown.
impl fmt::Debug for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Bytes({} bytes, cut: {})",
            self.bytes.len(),
            self.cut
        )
    }
}

/// The reason why a file cannot be reached, in the classes that libpq distinguishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// `ENOENT` or `ENOTDIR`: there is no such file.
    Missing,
    /// `EACCES`: this user may not.
    Denied,
    /// `ELOOP`: symbolic links that lead to themselves.
    Loop,
    /// Another error, in the operating system's words.
    Other(String),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => formatter.write_str("no such file"),
            Self::Denied => formatter.write_str("permission denied"),
            Self::Loop => formatter.write_str("symbolic links that lead to themselves"),
            Self::Other(text) => formatter.write_str(text),
        }
    }
}

impl From<&io::Error> for Obstacle {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Denied,
            _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => Self::Loop,
            // A path with a NUL byte never reaches the operating system; no environment variable can hold one.
            _ => Self::Other(crate::text::safe(&error.to_string())),
        }
    }
}

/// Reads a file as libpq would, but never opens one that could block: a pipe, a device, a socket.
pub fn observe(path: &Path) -> Observed {
    let stat = fs::metadata(path)
        .map(|metadata| stat(&metadata))
        .map_err(|error| Obstacle::from(&error));
    let regular = stat
        .as_ref()
        .is_ok_and(|stat| stat.file_type == FileType::Regular);
    Observed {
        path: path.to_owned(),
        stat,
        content: regular.then(|| read(path)),
    }
}

fn stat(metadata: &Metadata) -> Stat {
    let kind = metadata.file_type();
    let file_type = if kind.is_file() {
        FileType::Regular
    } else if kind.is_dir() {
        FileType::Directory
    } else if kind.is_fifo() {
        FileType::Fifo
    } else if kind.is_socket() {
        FileType::Socket
    } else {
        FileType::Device
    };
    Stat {
        file_type,
        mode: metadata.mode() & PERMISSIONS,
        owner: metadata.uid(),
    }
}

fn read(path: &Path) -> Result<Bytes, Obstacle> {
    let file = crate::path::open(path).map_err(|error| Obstacle::from(&error.source))?;
    let mut bytes = Vec::new();
    file.take(READ_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Obstacle::from(&error))?;
    let limit = usize::try_from(READ_LIMIT).unwrap_or(usize::MAX);
    let cut = bytes.len() > limit;
    bytes.truncate(limit);
    Ok(Bytes { bytes, cut })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observes_every_kind_without_blocking() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        crate::path::write_atomic(&at("file"), b"x").unwrap();
        std::os::unix::fs::symlink(at("loop"), at("loop")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("pipe"),
            rustix::fs::FileType::Fifo,
            0o600.into(),
            0,
        )
        .unwrap();

        let file = observe(&at("file"));
        assert_eq!(file.content.unwrap().unwrap().bytes, b"x");
        assert_eq!(observe(&at("none")).stat, Err(Obstacle::Missing));
        assert_eq!(observe(&at("file/below")).stat, Err(Obstacle::Missing));
        assert_eq!(observe(&at("loop")).stat, Err(Obstacle::Loop));
        for (path, file_type) in [
            (at("pipe"), FileType::Fifo),
            (folder.path().to_owned(), FileType::Directory),
            (PathBuf::from("/dev/zero"), FileType::Device),
        ] {
            let observed = observe(&path);
            assert_eq!(observed.stat.unwrap().file_type, file_type);
            assert_eq!(observed.content, None);
        }
        let long = observe(&at(&"n".repeat(5000)));
        assert!(matches!(long.stat, Err(Obstacle::Other(_))), "{long:?}");
    }

    #[test]
    fn reads_no_more_than_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("huge");
        crate::path::write_atomic(&path, &vec![0; 5 << 20]).unwrap();
        let bytes = observe(&path).content.unwrap().unwrap();
        assert!(bytes.cut && bytes.bytes.len() == 4 << 20);
    }
}
