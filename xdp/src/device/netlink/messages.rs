//! Taking a datagram apart into messages.

use xdp_sys::netlink::{
    NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP_INTR, NLMSG_ALIGNTO, NLMSG_DONE, NLMSG_ERROR, NLMSG_OVERRUN,
    NLMSGERR_ATTR_MSG, nlmsgerr, nlmsghdr,
};
use xdp_sys::{Errno, Plain};

use super::Attributes;

/// The messages of one datagram; an error and then nothing where a length does not fit.
#[derive(Debug)]
pub(crate) struct Messages<'a> {
    rest: &'a [u8],
}

/// A datagram that breaks off, or states a length that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damaged;

impl<'a> Messages<'a> {
    pub(crate) fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram }
    }

    fn split(&mut self) -> Option<Message<'a>> {
        let header = nlmsghdr::read(self.rest)?;
        let len = usize::try_from(header.nlmsg_len).ok()?;
        let payload = self.rest.get(size_of::<nlmsghdr>()..len)?;
        self.rest =
            len.checked_next_multiple_of(NLMSG_ALIGNTO).and_then(|end| self.rest.get(end..)).unwrap_or(&[]);
        Some(Message { header, payload })
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let message = self.split();
        if message.is_none() {
            self.rest = &[];
        }
        Some(message.ok_or(Damaged))
    }
}

/// One message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) header: nlmsghdr,
    pub(crate) payload: &'a [u8],
}

/// What a message is to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Role {
    /// A part of the answer.
    Answer,
    /// The end: the request succeeded, and the kernel may have remarked something all the same.
    End(Option<String>),
    /// The end: it failed, and the kernel may have said why in words.
    Failed(Errno, Option<String>),
    /// Not to be read as anything.
    Ignored,
}

impl Message<'_> {
    /// Whether what a dump lists changed while it was written.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.header.nlmsg_flags & NLM_F_DUMP_INTR != 0
    }

    /// Tells answer, end and failure apart, by the type alone: some families never set `NLM_F_MULTI`.
    pub(crate) fn role(&self) -> Result<Role, Damaged> {
        match self.header.nlmsg_type {
            NLMSG_DONE => {
                // The payload is an error number as well, zero after a whole dump; very old kernels send none.
                let error = i32::read(self.payload).unwrap_or(0);
                Ok(self.outcome(error, self.payload.get(size_of::<i32>()..)))
            }
            NLMSG_ERROR => {
                let error = nlmsgerr::read(self.payload).ok_or(Damaged)?;
                Ok(self.outcome(error.error, self.after_request(&error)))
            }
            NLMSG_OVERRUN => Ok(Role::Failed(Errno::ENOBUFS, None)),
            kind if kind < NLMSG_ERROR => Ok(Role::Ignored),
            _ => Ok(Role::Answer),
        }
    }

    /// Where the attributes of an acknowledgement start: after the request, unless it was left out.
    fn after_request(&self, error: &nlmsgerr) -> Option<&[u8]> {
        let request = if self.header.nlmsg_flags & NLM_F_CAPPED != 0 || error.error == 0 {
            size_of::<nlmsghdr>()
        } else {
            usize::try_from(error.msg.nlmsg_len).ok()?.checked_next_multiple_of(NLMSG_ALIGNTO)?
        };
        self.payload.get(size_of::<i32>().checked_add(request)?..)
    }

    fn outcome(&self, error: i32, attributes: Option<&[u8]>) -> Role {
        let explained = self.header.nlmsg_flags & NLM_F_ACK_TLVS != 0;
        let text = attributes
            .filter(|_| explained)
            .and_then(|bytes| Attributes::new(bytes).find(NLMSGERR_ATTR_MSG))
            .map(|attribute| attribute.text());
        if error < 0 { Role::Failed(Errno::from_raw(error.saturating_neg()), text) } else { Role::End(text) }
    }
}
