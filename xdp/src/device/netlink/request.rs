//! Building a request.

use xdp_sys::Plain;
use xdp_sys::netlink::{NLA_ALIGNTO, NLA_F_NESTED, NLM_F_DUMP, NLM_F_REQUEST, nlattr, nlmsghdr};

use super::NetlinkError;

/// A message to the kernel under construction: a header, a fixed part, attributes.
#[derive(Debug, Clone)]
#[must_use]
pub(crate) struct Request {
    kind: u16,
    flags: u16,
    /// Kept apart: in requests that make something the flags of a dump mean other things.
    is_dump: bool,
    body: Body,
}

/// What follows the header.
#[derive(Debug, Clone, Default)]
pub(crate) struct Body {
    bytes: Vec<u8>,
    /// An attribute was longer than its 16 bits of length can say.
    too_long: bool,
}

impl Request {
    /// A request of a type, with flags such as `NLM_F_CREATE`.
    pub(crate) fn new(kind: u16, flags: u16) -> Self {
        Self { kind, flags: flags | NLM_F_REQUEST, is_dump: false, body: Body::default() }
    }

    /// The same, asking for all there are.
    pub(crate) fn dump(kind: u16) -> Self {
        Self { is_dump: true, ..Self::new(kind, NLM_F_DUMP) }
    }

    pub(crate) fn is_dump(&self) -> bool {
        self.is_dump
    }

    /// Appends the fixed part that the type of the request asks for.
    pub(crate) fn fixed<T: Plain>(self, part: &T) -> Self {
        self.with(|body| body.fixed(part))
    }

    /// Appends a number or a struct.
    pub(crate) fn value<T: Plain>(self, kind: u16, value: &T) -> Self {
        self.with(|body| body.value(kind, value))
    }

    /// Appends text with its final zero byte.
    pub(crate) fn text(self, kind: u16, text: &str) -> Self {
        self.with(|body| body.text(kind, text))
    }

    /// Appends an attribute that holds what `fill` appends.
    pub(crate) fn nest(self, kind: u16, fill: impl FnOnce(&mut Body)) -> Self {
        self.with(|body| body.nest(kind, fill))
    }

    /// What follows the header, to append to.
    #[cfg_attr(
        not(feature = "lab"),
        allow(dead_code, reason = "only the lab builds what is optional in steps")
    )]
    pub(crate) fn body(&mut self) -> &mut Body {
        &mut self.body
    }

    fn with(mut self, append: impl FnOnce(&mut Body)) -> Self {
        append(&mut self.body);
        self
    }

    /// The bytes to send, numbered `sequence`.
    pub(crate) fn bytes(&self, sequence: u32, more_flags: u16) -> Result<Vec<u8>, NetlinkError> {
        let len = size_of::<nlmsghdr>() + self.body.bytes.len();
        let nlmsg_len =
            u32::try_from(len).ok().filter(|_| !self.body.too_long).ok_or(NetlinkError::TooLong)?;
        let header = nlmsghdr {
            nlmsg_len,
            nlmsg_type: self.kind,
            nlmsg_flags: self.flags | more_flags,
            nlmsg_seq: sequence,
            nlmsg_pid: 0,
        };
        Ok([header.as_bytes(), &self.body.bytes].concat())
    }
}

impl Body {
    pub(crate) fn fixed<T: Plain>(&mut self, part: &T) {
        self.bytes.extend_from_slice(part.as_bytes());
        self.pad();
    }

    pub(crate) fn value<T: Plain>(&mut self, kind: u16, value: &T) {
        self.bytes(kind, value.as_bytes());
    }

    /// Appends an attribute of bare bytes.
    pub(crate) fn bytes(&mut self, kind: u16, bytes: &[u8]) {
        self.attribute(kind, |body| body.bytes.extend_from_slice(bytes));
    }

    pub(crate) fn text(&mut self, kind: u16, text: &str) {
        self.bytes(kind, &[text.as_bytes(), &[0]].concat());
    }

    pub(crate) fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        self.attribute(kind | NLA_F_NESTED, fill);
    }

    /// Writes a header, the payload, and then the length that came out.
    fn attribute(&mut self, kind: u16, payload: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(nlattr { nla_len: 0, nla_type: kind }.as_bytes());
        payload(self);
        match u16::try_from(self.bytes.len() - start) {
            Ok(len) => self.bytes[start..start + 2].copy_from_slice(&len.to_ne_bytes()),
            Err(_) => self.too_long = true,
        }
        self.pad();
    }

    #[cfg(test)]
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(NLA_ALIGNTO), 0);
    }
}
