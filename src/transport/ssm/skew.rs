//! How far the service's clock is from ours, by the Date header that every answer has.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ssm::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_ssm::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ssm::error::BoxError;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use aws_smithy_types::date_time::{DateTime, Format};

use crate::model::clock::Clock;
use crate::model::time::Timestamp;
use crate::transport::ClockSkew;

/// Reads the Date header of each answer, also of those that are errors.
pub(super) struct SkewMeter {
    clock: Arc<dyn Clock>,
    last: Arc<Mutex<Option<ClockSkew>>>,
}

/// What the meter read last.
#[derive(Clone, Default)]
pub(super) struct SkewReading(Arc<Mutex<Option<ClockSkew>>>);

impl SkewReading {
    pub(super) fn get(&self) -> Option<ClockSkew> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SkewMeter {
    pub(super) fn new(clock: Arc<dyn Clock>, reading: &SkewReading) -> Self {
        Self {
            clock,
            last: Arc::clone(&reading.0),
        }
    }
}

impl std::fmt::Debug for SkewMeter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SkewMeter").finish_non_exhaustive()
    }
}

/// When the request of this attempt went out, by our clock.
#[derive(Debug)]
struct SentAt(Timestamp);

impl Storable for SentAt {
    type Storer = StoreReplace<Self>;
}

impl Intercept for SkewMeter {
    fn name(&self) -> &'static str {
        "SkewMeter"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        cfg.interceptor_state().store_put(SentAt(self.clock.now()));
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let received = self.clock.now();
        let sent = cfg.load::<SentAt>().map_or(received, |sent| sent.0);
        let date = context.response().headers().get("date");
        let date = date.and_then(|text| DateTime::from_str(text, Format::HttpDate).ok());
        if let Some(date) = date {
            let skew = skew(date.secs(), sent.unix(), received.unix());
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(skew);
        }
        Ok(())
    }
}

/// The least that the two clocks can differ by: the answer was dated somewhere between our sending
/// and our receiving, and a slow network is no wrong clock.
fn skew(date: i64, sent: i64, received: i64) -> ClockSkew {
    let seconds = if date > received {
        date - received
    } else {
        (date - sent).min(0)
    };
    ClockSkew { seconds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_is_no_skew() {
        for (date, sent, received, seconds) in [
            (100, 100, 100, 0),
            (100, 90, 125, 0),
            (190, 100, 101, 89),
            (10, 100, 130, -90),
        ] {
            assert_eq!(skew(date, sent, received), ClockSkew { seconds });
        }
    }
}
