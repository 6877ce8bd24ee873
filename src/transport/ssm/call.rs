//! One call with patience: throttling is waited out, reads are repeated, a send is not.

use std::future::Future;
use std::time::Duration;

use aws_sdk_ssm::config::http::HttpResponse;
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use tokio::time::Instant;

use super::super::TransportError;
use super::SsmTransport;
use super::error::{Fault, judge};

/// How long throttling is waited out: longer than the minute for which accounts are throttled
/// after a burst, shorter than the six minutes of the fence (protocol §2).
const PATIENCE: Duration = Duration::from_secs(120);

/// First pause after a throttling; doubles, with full jitter above its half.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How often a read is tried that gets no answer.
const READS: u32 = 3;

/// Whether a call may be repeated when nobody knows what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Reads change nothing.
    Read,
    /// A second send is a second command.
    Never,
}

impl SsmTransport {
    /// Makes a call.
    pub(super) async fn call<T, E, F>(
        &self,
        operation: &'static str,
        repeat: Repeat,
        request: impl Fn() -> F,
    ) -> Result<T, TransportError>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let start = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut tries = 1;
        loop {
            self.pace.take().await;
            let fault = match request().await {
                Ok(answer) => {
                    self.pace.taken();
                    return Ok(answer);
                }
                Err(error) => judge(operation, &self.endpoint, error),
            };
            match fault {
                Fault::Throttled => {
                    self.pace.throttled();
                    if start.elapsed() + pause > PATIENCE {
                        let seconds = start.elapsed().as_secs();
                        return Err(TransportError::Throttled { operation, seconds });
                    }
                }
                Fault::Error(error) => {
                    if repeat == Repeat::Never || !error.is_transient() || tries == READS {
                        return Err(error);
                    }
                    tries += 1;
                }
            }
            tracing::debug!(operation, ?pause, "calls again");
            tokio::time::sleep(self.random.jitter(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
