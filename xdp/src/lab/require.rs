//! How tests that need a lab skip: loudly on a developer's machine, not at all where it counts.

use super::{Lab, LabError};

/// Whether a lab can be made here, found out by making a small one.
pub fn available() -> Result<(), LabError> {
    Lab::new().map(drop)
}

/// Whether the test named `test` can run; if not, says so on standard error.
///
/// With `XDP_TEST_REQUIRE=1` in the environment, as continuous integration sets it, a test that cannot run fails
/// instead.
///
/// ```no_run
/// # fn a_packet_arrives() {
/// if !xdp::lab::require("a_packet_arrives") {
///     return;
/// }
/// # }
/// ```
///
/// # Panics
///
/// If there is no lab and `XDP_TEST_REQUIRE=1`.
#[must_use]
pub fn require(test: &str) -> bool {
    let required = std::env::var_os("XDP_TEST_REQUIRE").is_some_and(|value| value == "1");
    match available() {
        Ok(()) => true,
        Err(error) if required => panic!("{test} must run, as XDP_TEST_REQUIRE=1 says: {}", chain(&error)),
        Err(error) => {
            eprintln!("SKIPPED {test}: {}", chain(&error));
            false
        }
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}
