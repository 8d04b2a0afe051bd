//! What a socket got, for people and for decisions.

use std::fmt;

use crate::QueueId;
use crate::metadata::Requestable;
use crate::program::{AttachedMode, Attachment};
use crate::socket::busy_poll::BusyPoll;
use crate::socket::options::{ObtainedMode, RingSizes};
use crate::socket::share::Registration;

/// What was obtained when a socket was bound.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// The interface's name.
    pub interface: String,
    /// The queue.
    pub queue: QueueId,
    /// How packets get between NIC and UMEM.
    pub mode: ObtainedMode,
    /// Why it is not zero-copy, where that was tried.
    pub why_copy: Option<String>,
    /// Whether packets may have several frames.
    pub multi_buffer: bool,
    /// Frames that a packet can have to be sent: 1 unless packets may have several.
    pub most_frames: u32,
    /// Why packets have one frame only, where several were preferred.
    pub why_single_buffer: Option<String>,
    /// The program that this socket attached, if it did.
    pub program: Option<ProgramReport>,
    /// The sizes of the rings; 0 for one that this socket does not have.
    pub rings: RingSizes,
    /// Chunks of the UMEM, and bytes in each.
    pub chunks: (u32, u32),
    /// Whether the UMEM is backed by huge pages.
    pub huge_pages: bool,
    /// Packets that one system call sends in copy mode: 32 unless the kernel let it be raised.
    pub tx_budget: u32,
    /// Bytes of packets that may be on their way in copy mode, as the kernel counts them; none if it does not tell,
    /// or the socket does not send. Where it holds less than the tx ring, a kick takes more system calls: raise
    /// `net.core.wmem_max`, or grant `CAP_NET_ADMIN`.
    pub send_buffer: Option<u32>,
    /// How the socket polls its queue itself, if it does: as it was asked for, but for [`BusyPoll::is_preferred`].
    pub busy_poll: Option<BusyPoll>,
    /// The NAPI context that the socket polls, as far as the kernel knew it at the bind: see [`BusyPoll`].
    pub polled_napi: Option<u32>,
    /// What can be asked for packets that are sent.
    pub requestable: Requestable,
    /// How the kernel came to know the UMEM.
    pub registration: Registration,
    /// How often the queue was still busy with an earlier socket before the bind succeeded.
    pub busy_retries: u32,
}

/// The program that a socket attached.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ProgramReport {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: u32,
    /// Where it runs.
    pub mode: AttachedMode,
    /// Why it does not run in the driver, where that was tried.
    pub why_generic: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} queue {}: {} mode", self.interface, self.queue, self.mode)?;
        if let Some(why) = &self.why_copy {
            write!(f, " ({why})")?;
        }
        if self.multi_buffer {
            write!(f, "; packets of up to {} frames", self.most_frames)?;
        }
        if let Some(why) = &self.why_single_buffer {
            write!(f, "; packets of one frame ({why})")?;
        }
        match &self.program {
            Some(program) => write!(f, "; {program}")?,
            None => f.write_str("; no program of its own")?,
        }
        let RingSizes { rx, tx, fill, completion } = self.rings;
        write!(f, "; rings rx {rx}, tx {tx}, fill {fill}, completion {completion}")?;
        let (chunks, bytes) = self.chunks;
        let pages = if self.huge_pages { "huge" } else { "ordinary" };
        write!(f, "; {chunks} chunks of {bytes} bytes in {pages} pages, {}", self.registration)
    }
}

impl ProgramReport {
    pub(crate) fn of(attachment: &Attachment) -> Self {
        Self {
            name: attachment.program().name().to_owned(),
            id: attachment.program().id(),
            mode: attachment.mode(),
            why_generic: attachment.why_generic().map(ToString::to_string),
        }
    }
}

impl fmt::Display for ProgramReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "program {} (id {}) in {} mode", self.name, self.id, self.mode)?;
        match &self.why_generic {
            Some(why) => write!(f, " ({why})"),
            None => Ok(()),
        }
    }
}
