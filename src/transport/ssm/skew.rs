//! How far the service's clock is from the controller's, by the Date header of its answers.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ssm::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_ssm::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ssm::error::BoxError;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::super::ClockSkew;
use crate::model::clock::Clock;

/// The difference that the last answer showed.
#[derive(Clone, Default)]
pub(super) struct Skew(Arc<Mutex<Option<ClockSkew>>>);

impl Skew {
    pub(super) fn get(&self) -> Option<ClockSkew> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at every answer.
pub(super) struct ReadDate {
    pub(super) skew: Skew,
    pub(super) clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for ReadDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReadDate")
    }
}

impl Intercept for ReadDate {
    fn name(&self) -> &'static str {
        "ReadDate"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        if let Some(date) = date.and_then(|text| DateTime::from_str(text, Format::HttpDate).ok()) {
            let seconds = date.secs() - self.clock.now().unix();
            *self.skew.0.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(ClockSkew { seconds });
        }
        Ok(())
    }
}
