//! Address prefixes: one, some, or a set that changes.

use std::fmt;
use std::net::{AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::ParseIntError;
use std::str::FromStr;

use super::{Filter, Side, Test};
use crate::program::PrefixSet;

/// The addresses that begin with the same bits: `10.0.0.0/8`, `2001:db8::/32`.
///
/// ```
/// use xdp::program::Prefix;
///
/// let private: Prefix = "10.1.2.3/8".parse()?;
/// assert_eq!(private.to_string(), "10.0.0.0/8");
/// assert!(private.contains("10.200.0.1".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    address: IpAddr,
    bits: u8,
}

impl Prefix {
    /// The addresses that have the first `bits` bits of this one: up to 32 for IPv4, up to 128 for IPv6. What comes
    /// after them in `address` does not count.
    pub fn new(address: IpAddr, bits: u8) -> Result<Self, PrefixError> {
        let most = if address.is_ipv4() { 32 } else { 128 };
        if bits > most {
            return Err(PrefixError::Bits { bits, most, address });
        }
        // A shift by all bits of a number is none: the prefix of no bits apart.
        let address = match address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(u32::from(32 - bits)).unwrap_or(0);
                Ipv4Addr::from(u32::from(v4) & mask).into()
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(u32::from(128 - bits)).unwrap_or(0);
                Ipv6Addr::from(u128::from(v6) & mask).into()
            }
        };
        Ok(Self { address, bits })
    }

    /// The first address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// How many bits all its addresses begin with.
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// Whether an address begins with these bits. IPv4 and IPv6 have no address in common.
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4()
            && Self::new(address, self.bits).is_ok_and(|same_bits| same_bits == *self)
    }
}

impl From<IpAddr> for Prefix {
    fn from(address: IpAddr) -> Self {
        Self { address, bits: if address.is_ipv4() { 32 } else { 128 } }
    }
}

impl From<Ipv4Addr> for Prefix {
    fn from(address: Ipv4Addr) -> Self {
        IpAddr::from(address).into()
    }
}

impl From<Ipv6Addr> for Prefix {
    fn from(address: Ipv6Addr) -> Self {
        IpAddr::from(address).into()
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    /// An address, or an address and a number of bits after a slash.
    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let failed = |cause| PrefixError::Address { text: text.to_owned(), cause };
        match text.split_once('/') {
            None => Ok(text.parse::<IpAddr>().map_err(failed)?.into()),
            Some((address, bits)) => {
                let address = address.parse().map_err(failed)?;
                let bits = bits.parse();
                Self::new(
                    address,
                    bits.map_err(|cause| PrefixError::Number { text: text.to_owned(), cause })?,
                )
            }
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// Why something is no prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrefixError {
    /// More bits than the address has.
    #[error("{address}/{bits} is no prefix: the address has {most} bits")]
    Bits {
        /// The address.
        address: IpAddr,
        /// The bits asked for.
        bits: u8,
        /// The bits that there are.
        most: u8,
    },
    /// What stands before the slash is no address.
    #[error("\"{text}\" is no prefix, such as 10.0.0.0/8 or 2001:db8::/32")]
    Address {
        /// The text.
        text: String,
        /// What the parser says.
        #[source]
        cause: AddrParseError,
    },
    /// What stands after the slash is no number.
    #[error("\"{text}\" is no prefix: a number of bits, 0 to 128, follows the slash")]
    Number {
        /// The text.
        text: String,
        /// What the parser says.
        #[source]
        cause: ParseIntError,
    },
}

/// Which addresses a filter asks for.
///
/// Made from an address, a [`Prefix`], several, or a [`PrefixSet`], which may change while the program runs. Each
/// listed prefix costs 4 instructions for IPv4 and up to 10 for IPv6: for more than some dozens take a set.
#[derive(Debug, Clone)]
pub struct Prefixes(Choice);

#[derive(Debug, Clone)]
enum Choice {
    Listed(Vec<Prefix>),
    Live(PrefixSet),
}

impl Prefixes {
    pub(super) fn filter(self, side: Side) -> Filter {
        match self.0 {
            Choice::Listed(prefixes) => prefixes
                .into_iter()
                .map(|prefix| Filter::from(Test::Address(side, prefix)))
                .reduce(Filter::or)
                .unwrap_or_else(Filter::none),
            Choice::Live(set) => Test::AddressIn(side, set).into(),
        }
    }
}

impl<T: Into<Prefix>> From<T> for Prefixes {
    fn from(prefix: T) -> Self {
        Self(Choice::Listed(vec![prefix.into()]))
    }
}

impl From<Vec<Prefix>> for Prefixes {
    fn from(prefixes: Vec<Prefix>) -> Self {
        Self(Choice::Listed(prefixes))
    }
}

impl<const N: usize> From<[Prefix; N]> for Prefixes {
    fn from(prefixes: [Prefix; N]) -> Self {
        Self(Choice::Listed(prefixes.into()))
    }
}

impl From<&PrefixSet> for Prefixes {
    fn from(set: &PrefixSet) -> Self {
        Self(Choice::Live(set.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().expect("a prefix")
    }

    #[test]
    fn a_prefix_holds_the_addresses_that_begin_with_its_bits() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("10.0.0.1", "10.0.0.1", "10.0.0.2"),
            ("0.0.0.0/0", "255.255.255.255", "::"),
            ("192.168.4.0/23", "192.168.5.255", "192.168.6.0"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::"),
            ("::/0", "ffff::", "0.0.0.0"),
        ] {
            let parse = |address: &str| address.parse::<IpAddr>().expect("an address");
            assert!(prefix(text).contains(parse(inside)), "{inside} in {text}");
            assert!(!prefix(text).contains(parse(outside)), "{outside} in {text}");
        }
        assert_eq!(prefix("10.1.2.3/8"), prefix("10.0.0.0/8"));
    }

    #[test]
    fn what_is_no_prefix_says_so() {
        for (text, says) in [
            ("10.0.0.0/33", "the address has 32 bits"),
            ("10.0.0/8", "such as 10.0.0.0/8"),
            ("::/129", "the address has 128 bits"),
            ("::/1000", "0 to 128"),
            ("::/", "0 to 128"),
        ] {
            let error = text.parse::<Prefix>().expect_err("no prefix").to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
