//! Gathering the answers to one request from the datagrams that arrive.

use xdp_sys::Errno;

use super::NetlinkError;
use super::messages::{Messages, Role};

/// Bytes of answers that are kept at most, far more than any list of a kernel is long.
const KEPT: usize = 256 << 20;

/// One part of an answer: the message's type and what follows its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) kind: u16,
    pub(crate) payload: Vec<u8>,
}

/// The answers to one request so far.
#[derive(Debug)]
pub(crate) struct Gathered {
    sequence: u32,
    is_dump: bool,
    answers: Vec<Answer>,
    bytes: usize,
    /// What a dump lists changed while it was written: it has to be read to its end all the same.
    interrupted: bool,
    warning: Option<String>,
}

/// How far the answers have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// There is more to come.
    More,
    /// That was all.
    Whole,
    /// That was all, and what was listed changed meanwhile: ask again.
    Interrupted,
}

impl Gathered {
    pub(crate) fn new(sequence: u32, is_dump: bool) -> Self {
        Self { sequence, is_dump, answers: Vec::new(), bytes: 0, interrupted: false, warning: None }
    }

    /// Takes one datagram. What `wanted` refuses is not kept. After anything but [`Progress::More`] it is over.
    pub(crate) fn take(
        &mut self,
        datagram: &[u8],
        wanted: &impl Fn(&[u8]) -> bool,
    ) -> Result<Progress, NetlinkError> {
        for message in Messages::new(datagram) {
            let message = message?;
            if message.header.nlmsg_seq != self.sequence {
                // A late answer to a request that was given up.
                continue;
            }
            self.interrupted |= self.is_dump && message.is_interrupted();
            match message.role()? {
                Role::Answer if !wanted(message.payload) => {}
                Role::Answer => {
                    self.bytes = self.bytes.saturating_add(size_of::<Answer>() + message.payload.len());
                    if self.bytes > KEPT {
                        return Err(NetlinkError::Damaged { what: "an answer of many megabytes" });
                    }
                    let kind = message.header.nlmsg_type;
                    self.answers.push(Answer { kind, payload: message.payload.to_vec() });
                }
                Role::End(_) if self.interrupted => return Ok(Progress::Interrupted),
                Role::End(warning) => {
                    self.warning = warning;
                    return Ok(Progress::Whole);
                }
                Role::Failed(Errno::EINTR, _) if self.is_dump => return Ok(Progress::Interrupted),
                Role::Failed(errno, text) => return Err(NetlinkError::refused(errno, text)),
                Role::Ignored => {}
            }
        }
        Ok(Progress::More)
    }

    /// What the kernel remarked though the request succeeded.
    pub(crate) fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    pub(crate) fn into_answers(self) -> Vec<Answer> {
        self.answers
    }
}

#[cfg(test)]
mod tests {
    use xdp_sys::netlink::nlmsghdr;
    use xdp_sys::rtnetlink::RTM_NEWLINK;

    use super::*;
    use crate::device::netlink::script::message;

    #[test]
    fn an_answer_without_end_is_given_up_before_it_takes_all_memory() {
        let question = nlmsghdr { nlmsg_seq: 7, ..nlmsghdr::default() };
        let part = message(RTM_NEWLINK, 0, question, &[0; 1 << 20]);
        let mut gathered = Gathered::new(7, true);
        let taken = (0..300).find_map(|_| gathered.take(&part, &|_| true).err());
        assert!(matches!(taken, Some(NetlinkError::Damaged { .. })), "{taken:?}");
        let mut choosy = Gathered::new(7, true);
        let taken = (0..300).map(|_| choosy.take(&part, &|_| false)).all(|taken| taken.is_ok());
        assert!(taken, "what is not kept takes no memory");
    }
}
