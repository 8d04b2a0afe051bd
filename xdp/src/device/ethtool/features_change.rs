//! Turning features of an interface on and off.

use xdp_sys::ethtool_netlink::{
    ETHTOOL_A_BITSET_BIT_NAME, ETHTOOL_A_BITSET_BIT_VALUE, ETHTOOL_A_BITSET_BITS, ETHTOOL_A_BITSET_BITS_BIT,
    ETHTOOL_A_FEATURES_WANTED, ETHTOOL_MSG_FEATURES_SET,
};

use super::{Feature, Features, parts};
use crate::device::change::{Change, Outcome, Restore};
use crate::device::family::FamilySocket;
use crate::device::netlink::Body;
use crate::device::{ChangeError, Interface};

/// Features to turn on and off (`ethtool -K`), made by [`Features::change`]; what is not named stays.
///
/// ```no_run
/// use xdp::device::{Features, Interface};
///
/// let nic = Interface::by_name("eth0")?;
/// let whole_packets = Features::change().off("lro").off("gro-hw").until_dropped(&nic)?;
/// // ... and as they were again when the guard goes:
/// drop(whole_packets);
/// # Ok::<(), xdp::device::ChangeError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "nothing changes before `apply` or `until_dropped`"]
pub struct FeaturesChange {
    wanted: Vec<(String, bool)>,
}

const WHAT: &str = "the features";

impl FeaturesChange {
    /// Turns a feature on, by a name that [`Features::get`] knows.
    pub fn on(self, feature: &str) -> Self {
        self.to(feature, true)
    }

    /// Turns a feature off, by a name that [`Features::get`] knows.
    pub fn off(self, feature: &str) -> Self {
        self.to(feature, false)
    }

    fn to(mut self, feature: &str, value: bool) -> Self {
        // The last word on a feature counts.
        self.wanted.retain(|(earlier, _)| earlier != feature);
        self.wanted.push((feature.to_owned(), value));
        self
    }

    /// Changes the features, for good. Needs `CAP_NET_ADMIN`. If one stays as it was, all do.
    pub fn apply(self, interface: &Interface) -> Result<(), ChangeError> {
        self.until_dropped(interface).map(Restore::keep)
    }

    /// Changes the features until the guard is dropped. Needs `CAP_NET_ADMIN`. If one stays as it was, all do.
    pub fn until_dropped(self, interface: &Interface) -> Result<Restore, ChangeError> {
        let unsupported = || ChangeError::unsupported(WHAT, interface);
        let now = Features::of(interface)?.ok_or_else(unsupported)?;
        let asked = self.wanted.iter().map(|(name, value)| Ok((find(&now, name, interface)?, *value)));
        let mut asked = asked.collect::<Result<Vec<_>, ChangeError>>()?;
        let fixed = asked.iter().find(|(feature, value)| feature.is_fixed() && feature.is_active() != *value);
        if let Some((feature, _)) = fixed {
            let (feature, interface) = (feature.name().to_owned(), interface.name().to_owned());
            return Err(ChangeError::FixedFeature { feature, interface });
        }
        // The others that are fixed are as they shall be, and the kernel is not to be asked about some of them.
        asked.retain(|(feature, _)| !feature.is_fixed());
        let new = || asked.iter().map(|(feature, value)| (feature.name().to_owned(), *value)).collect();
        let old = asked.iter().map(|(feature, _)| (feature.name().to_owned(), feature.is_wanted()));
        let (change, former) = (Self { wanted: new() }, Self { wanted: old.collect() });
        let family = || FamilySocket::ethtool(interface)?.ok_or_else(unsupported);
        let restore = Change::new(WHAT, interface)
            .apply(change.to_string(), change.action(family()?))
            .undo(former.to_string(), former.action(family()?))
            .make()?;

        let now = Features::of(interface)?.ok_or_else(unsupported)?;
        for (feature, value) in asked {
            if now.get(feature.name()).is_none_or(|feature| feature.is_active() != value) {
                restore.restore()?;
                let (feature, interface) = (feature.name().to_owned(), interface.name().to_owned());
                return Err(ChangeError::Ineffective { feature, interface });
            }
        }
        Ok(restore)
    }

    fn action(&self, mut family: FamilySocket) -> impl FnMut() -> Outcome + use<> {
        let wanted = self.wanted.clone();
        let write_bit = |(name, value): &(String, bool), bits: &mut Body| {
            bits.nest(ETHTOOL_A_BITSET_BITS_BIT, |bit| {
                bit.text(ETHTOOL_A_BITSET_BIT_NAME, name);
                if *value {
                    bit.bytes(ETHTOOL_A_BITSET_BIT_VALUE, &[]);
                }
            });
        };
        move || {
            if wanted.is_empty() {
                return Ok(None);
            }
            let request =
                family.ethtool_request(ETHTOOL_MSG_FEATURES_SET).nest(ETHTOOL_A_FEATURES_WANTED, |set| {
                    set.nest(ETHTOOL_A_BITSET_BITS, |bits| {
                        wanted.iter().for_each(|each| write_bit(each, bits));
                    });
                });
            family.tell(&request)
        }
    }
}

fn find<'a>(now: &'a Features, name: &str, interface: &Interface) -> Result<&'a Feature, ChangeError> {
    now.get(name).ok_or_else(|| ChangeError::UnknownFeature {
        feature: name.to_owned(),
        interface: interface.name().to_owned(),
    })
}

impl std::fmt::Display for FeaturesChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = |value| if value { "on" } else { "off" };
        f.write_str(&parts(self.wanted.iter().map(|(name, value)| format!("{name} {}", state(*value)))))
    }
}
