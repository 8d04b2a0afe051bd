//! Reading attributes: type, length, value, padded to four bytes.

use xdp_sys::Plain;
use xdp_sys::netlink::{NLA_ALIGNTO, NLA_TYPE_MASK, nlattr};

/// The attributes in a range of bytes. Ends at the first one whose length does not fit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The attributes after a fixed part of type `T`, and that part; `None` if the bytes are too few.
    pub(crate) fn after<T: Plain>(bytes: &'a [u8]) -> Option<(T, Self)> {
        let fixed = T::read(bytes)?;
        let rest = bytes.get(size_of::<T>().next_multiple_of(NLA_ALIGNTO)..).unwrap_or(&[]);
        Some((fixed, Self::new(rest)))
    }

    /// The first attribute of a type.
    pub(crate) fn find(mut self, kind: u16) -> Option<Attribute<'a>> {
        Iterator::find(&mut self, |attribute| attribute.kind == kind)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let header = nlattr::read(self.rest)?;
        let len = usize::from(header.nla_len);
        // A length below the header's own gives no payload here, so that each step moves on.
        let payload = self.rest.get(size_of::<nlattr>()..len)?;
        self.rest = self.rest.get(len.next_multiple_of(NLA_ALIGNTO)..).unwrap_or(&[]);
        Some(Attribute { kind: header.nla_type & NLA_TYPE_MASK, payload })
    }
}

/// One attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attribute<'a> {
    pub(crate) kind: u16,
    pub(crate) payload: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// The value, if there are at least as many bytes.
    pub(crate) fn value<T: Plain>(self) -> Option<T> {
        T::read(self.payload)
    }

    /// A number of four or eight bytes: newer attributes take whichever holds it.
    pub(crate) fn number(self) -> Option<u64> {
        match self.payload.len() {
            4 => self.value::<u32>().map(u64::from),
            _ => self.value(),
        }
    }

    /// The bytes up to the first zero.
    pub(crate) fn name(self) -> &'a [u8] {
        self.payload.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// The same as text. The kernel does not care for encodings: what is not UTF-8 becomes U+FFFD.
    pub(crate) fn text(self) -> String {
        String::from_utf8_lossy(self.name()).into_owned()
    }

    /// The attributes inside this one.
    pub(crate) fn nested(self) -> Attributes<'a> {
        Attributes::new(self.payload)
    }
}
