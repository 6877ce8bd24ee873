//! Another controller may write the environment first: then everything is read and decided anew.

use std::time::Duration;

use crate::model::desired::Environment;
use crate::model::id::EnvironmentName;
use crate::rollout::{Controller, DesiredState, DispatchError};

use super::ReconcileError;

/// So often another controller may be first before it is said.
pub(super) const MOST: u32 = 5;
/// Pause after a lost race; the other one needs a moment.
const PAUSE: Duration = Duration::from_secs(2);

/// Leaves the other one its moment.
pub(super) async fn pause(controller: &Controller<'_>) {
    controller.sleep(controller.random.jitter(PAUSE)).await;
}

/// Makes an attempt on what is desired now, and again after each race that it lost.
pub(super) async fn run<T>(
    controller: &Controller<'_>,
    name: &EnvironmentName,
    attempt: impl AsyncFn(&dyn DesiredState, &Environment) -> Result<T, DispatchError>,
) -> Result<T, ReconcileError> {
    let mut lost = 0;
    loop {
        let newest = controller.desired.newest().await?;
        let wanted = super::apply::environment(newest.as_ref(), name)?;
        match attempt(newest.as_ref(), wanted).await {
            Err(DispatchError::LostRace) if lost < MOST => {
                lost += 1;
                pause(controller).await;
            }
            ended => {
                return ended.map_err(|error| ReconcileError::from_dispatch(error, name, lost + 1));
            }
        }
    }
}
