//! What the kernel's verifier says about a program that it refused.

use std::fmt;

/// The verifier's log of a refused program.
///
/// `Display` gives the last lines that mean something, on one line: there the verifier names the instruction and what
/// is wrong with it. [`VerifierLog::full`] is the whole text.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierLog {
    text: String,
}

impl VerifierLog {
    /// How many lines of the end a message shows: the state, the instruction, the reason, sometimes a hint.
    const SHOWN: usize = 4;

    /// Takes what the kernel wrote: text up to a zero, or nothing.
    pub(super) fn from_buffer(buffer: &[u8]) -> Self {
        let end = buffer.iter().position(|&byte| byte == 0).unwrap_or(buffer.len());
        Self { text: String::from_utf8_lossy(&buffer[..end]).into_owned() }
    }

    /// The whole text, one line per instruction and state.
    pub fn full(&self) -> &str {
        &self.text
    }

    /// Whether the verifier wrote nothing: the kernel refused the program before it looked at it.
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Whether it says what only whoever lacks `CAP_PERFMON` hears: of sums with pointers, on older kernels also of
    /// comparisons (5.10) and of writing to a part of what was saved on the stack (6.1).
    pub(super) fn asks_for_perfmon(&self) -> bool {
        let words = [
            "prohibited for !root",
            "pointer comparison prohibited",
            "attempt to corrupt spilled pointer on stack",
        ];
        words.into_iter().any(|words| self.text.contains(words))
    }

    /// The last lines that say what is wrong, without the verifier's figures about its own work.
    fn last_lines(&self) -> Vec<&str> {
        const FIGURES: [&str; 4] = ["processed ", "verification time ", "stack depth ", "mark_precise"];
        let meant = |line: &&str| !line.is_empty() && !FIGURES.iter().any(|start| line.starts_with(start));
        let mut lines: Vec<_> =
            self.text.lines().rev().map(str::trim).filter(meant).take(Self::SHOWN).collect();
        lines.reverse();
        lines
    }
}

impl fmt::Display for VerifierLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("(the verifier wrote nothing)");
        }
        f.write_str(&self.last_lines().join("; "))
    }
}

/// The whole log, with its lines as lines.
impl fmt::Debug for VerifierLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.text.lines()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_shows_the_last_lines_that_mean_something() {
        let log = VerifierLog::from_buffer(
            b"0: R1=ctx() R10=fp0\n1: (07) r1 += 1\n2: (b7) r2 = 1\n3: (95) exit\nR0 !read_ok\n\
              processed 3 insns (limit 1000000) max_states_per_insn 0\n\0garbage",
        );
        assert_eq!(log.to_string(), "1: (07) r1 += 1; 2: (b7) r2 = 1; 3: (95) exit; R0 !read_ok");
        assert!(log.full().starts_with("0: R1=ctx()"));
        assert!(!log.full().contains("garbage"));
    }

    #[test]
    fn an_empty_log_says_that_it_is_empty() {
        let log = VerifierLog::from_buffer(&[0; 16]);
        assert!(log.is_empty());
        assert_eq!(log.to_string(), "(the verifier wrote nothing)");
    }
}
