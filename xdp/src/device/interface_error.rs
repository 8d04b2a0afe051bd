//! Why an interface was not found.

use super::NetlinkError;

/// Why an interface could not be looked up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InterfaceError {
    /// There is no interface of this name.
    #[error("no interface is named \"{}\" in this network namespace; there {}", name.escape_debug(), listed(known))]
    UnknownName {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// There is no interface of this index.
    #[error("no interface has index {index} in this network namespace: look it up by name, or see `ip link`")]
    UnknownIndex {
        /// The index that was asked for.
        index: u32,
    },
    /// An interface that was found before is not there any more.
    #[error(
        "{} (index {index}) is gone: it was removed, or moved to another network namespace",
        name.escape_debug()
    )]
    Gone {
        /// Its name when it was found.
        name: String,
        /// Its index.
        index: u32,
    },
    /// An interface that was found before is one of another network namespace than the calling thread's.
    #[error(
        "{} belongs to another network namespace than this thread's: enter that one first (a lab: `Lab::enter`), or look \
         the interface up by its name here",
        name.escape_debug()
    )]
    OtherNamespace {
        /// Its name when it was found.
        name: String,
    },
    /// The kernel could not be asked.
    #[error("cannot look up {what}")]
    Query {
        /// What was asked for.
        what: String,
        /// Why not.
        #[source]
        cause: NetlinkError,
    },
}

/// The names that there are, but no more than a person reads.
fn listed(known: &[String]) -> String {
    const MOST: usize = 20;
    if known.is_empty() {
        return "is none at all".into();
    }
    // Names may hold anything but a slash and white space, and a terminal obeys some of it.
    let shown: Vec<_> = known.iter().take(MOST).map(|name| name.escape_debug().to_string()).collect();
    let rest = match known.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("are: {}{rest}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(known: Vec<String>) -> String {
        InterfaceError::UnknownName { name: "eth7".into(), known }.to_string()
    }

    #[test]
    fn a_long_list_of_names_is_cut_and_says_so() {
        let names = |count: u32| (0..count).map(|number| format!("if{number}")).collect();
        assert!(unknown(Vec::new()).ends_with("there is none at all"));
        assert!(unknown(names(20)).ends_with(", if19"), "{}", unknown(names(20)));
        assert!(unknown(names(23)).ends_with(", if19 and 3 more"), "{}", unknown(names(23)));
    }

    #[test]
    fn a_name_cannot_send_commands_to_the_terminal() {
        let text = unknown(vec!["bad\u{1b}[2J".into()]);
        assert!(text.ends_with("are: bad\\u{1b}[2J"), "{text}");
    }
}
