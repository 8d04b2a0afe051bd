//! What is told to a `tracing` subscriber, with feature `tracing`: setting up, what was fallen back from, and what
//! goes wrong. Nothing is told of packets that move, and without the feature nothing at all.

#![cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "there is nobody to tell"))]

use crate::QueueId;
use crate::device::InterfaceRef;
use crate::error::KickError;
use crate::refusal::Refusal;
use crate::socket::error::BindError;
use crate::socket::report::Report;

/// Everything that `work` tells belongs to the set-up of a socket on this queue.
pub(crate) fn set_up<T>(
    interface: InterfaceRef<'_>,
    queue: QueueId,
    work: impl FnOnce() -> Result<T, BindError>,
) -> Result<T, BindError> {
    #[cfg(feature = "tracing")]
    let _entered = tracing::info_span!("xdp_bind", ?interface, queue = queue.0).entered();
    let done = work();
    #[cfg(feature = "tracing")]
    if let Err(error) = &done {
        tracing::warn!("no socket: {}", in_full(error));
    }
    done
}

/// A socket was bound.
pub(crate) fn bound(report: &Report) {
    #[cfg(feature = "tracing")]
    {
        let Report { mode, tx_budget, send_buffer, busy_retries, .. } = report;
        tracing::info!(%mode, tx_budget, send_buffer, busy_retries, "bound: {report}");
        if let Some(why) = &report.why_copy {
            tracing::warn!(why, "copy mode where zero-copy was preferred");
        }
        if let Some(why) = report.program.as_ref().and_then(|program| program.why_generic.as_deref()) {
            tracing::warn!(why, "the program does not run in the driver");
        }
    }
}

/// The kernel could not be woken.
#[cold]
pub(crate) fn kick_failed(error: &KickError) {
    #[cfg(feature = "tracing")]
    tracing::warn!("kick failed: {}", in_full(error));
}

/// The kernel named something that was not believed.
#[cold]
pub(crate) fn not_believed(refusal: &Refusal) {
    #[cfg(feature = "tracing")]
    tracing::error!("{refusal}");
}

/// The last half of a socket is gone.
pub(crate) fn closed(report: Option<&Report>) {
    #[cfg(feature = "tracing")]
    if let Some(Report { interface, queue, .. }) = report {
        tracing::debug!(interface, queue = queue.0, "closed");
    }
}

/// An error with what it comes from.
#[cfg(feature = "tracing")]
fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
