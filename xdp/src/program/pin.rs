//! Names in the BPF file system, which keep maps, programs and links beyond the process that made them.

use std::ffi::CString;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use xdp_sys::Errno;

use super::{MissingPrivilege, bpf};
use crate::sys::io_error;

/// A name in the BPF file system, for as long as this exists.
///
/// Dropping it removes the file; [`keep`](Self::keep) leaves it there, also after the end of the process. What it
/// names lives while a name, a descriptor or a program uses it.
#[derive(Debug)]
#[must_use = "dropping it removes the name"]
pub struct Pin {
    path: PathBuf,
}

impl Pin {
    pub(super) fn new(object: BorrowedFd<'_>, path: &Path) -> Result<Self, PinError> {
        let name = c_path(path)?;
        bpf::pin(object, &name).map_err(|errno| PinError::from_errno(errno, "give a name to it", path))?;
        Ok(Self { path: path.to_owned() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the file where it is: [`remove`](Self::remove) and rm(1) remove it.
    pub fn keep(mut self) -> PathBuf {
        // An empty path names nothing, so that nothing is removed.
        std::mem::take(&mut self.path)
    }

    /// Removes a name that was kept. What it named goes with the last user of it.
    pub fn remove(path: impl AsRef<Path>) -> io::Result<()> {
        fs::remove_file(path)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // Somebody else may have removed it, which is as well.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// What has this name in the BPF file system.
pub(super) fn open(path: &Path) -> Result<OwnedFd, PinError> {
    let name = c_path(path)?;
    bpf::pinned(&name).map_err(|errno| PinError::from_errno(errno, "open", path))
}

fn c_path(path: &Path) -> Result<CString, PinError> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| PinError::Path { path: path.to_owned() })
}

/// Why something could not be given a name, or found by one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PinError {
    /// No file can have this path.
    #[error("{} is no path: it has a zero byte in it", path.display())]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// The program is held by no link.
    #[error("{} cannot name the attachment: only a link can be pinned, which takes Linux 5.9 or later", path.display())]
    NoLink {
        /// The path.
        path: PathBuf,
    },
    /// The name is taken.
    #[error("{} exists already: open it to use what is there, or remove it", path.display())]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// There is no such file or directory.
    #[error("{} does not exist, or the directory that it should be in does not", path.display())]
    NotFound {
        /// The path.
        path: PathBuf,
    },
    /// The path leads to another file system.
    #[error(
        "{} is not in a BPF file system: `mount -t bpf bpf /sys/fs/bpf`, and take a path below", path.display()
    )]
    NotBpf {
        /// The path.
        path: PathBuf,
    },
    /// The kernel wants a privilege that the thread does not have.
    #[error("not allowed to {step} at {}: the file's permissions, or {missing}", path.display())]
    Permission {
        /// What was asked of it.
        step: &'static str,
        /// The path.
        path: PathBuf,
        /// What is missing.
        missing: MissingPrivilege,
    },
    /// Another error of the kernel's.
    #[error("the kernel refused to {step} at {}", path.display())]
    Kernel {
        /// What was asked of it.
        step: &'static str,
        /// The path.
        path: PathBuf,
        /// What the kernel answered.
        #[source]
        cause: io::Error,
    },
}

impl PinError {
    fn from_errno(errno: Errno, step: &'static str, path: &Path) -> Self {
        let path = path.to_owned();
        match errno {
            Errno::EEXIST => Self::Exists { path },
            Errno::ENOENT => Self::NotFound { path },
            // A file of a BPF file system that is no pin (progs.debug), or no such file system: EPERM of the former
            // and of a missing capability alike, on a path in another file system.
            Errno::EPERM | Errno::EACCES if !in_bpf_file_system(&path) => Self::NotBpf { path },
            Errno::EPERM | Errno::EACCES => {
                Self::Permission { step, path, missing: MissingPrivilege::of_this_thread() }
            }
            errno => Self::Kernel { step, path, cause: io_error(errno) },
        }
    }
}

/// Whether the directory of a path is a BPF file system, as the list of mounts says.
fn in_bpf_file_system(path: &Path) -> bool {
    let directory = path.parent().and_then(|directory| directory.canonicalize().ok());
    let (Some(directory), Ok(mounts)) = (directory, fs::read_to_string("/proc/thread-self/mounts")) else {
        return true; // unknown: say nothing of it
    };
    let mut fields = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((Path::new(fields.next()?), fields.next()?))
    });
    fields.any(|(place, kind)| kind == "bpf" && directory.starts_with(place))
}
