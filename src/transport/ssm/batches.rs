//! Cuts tasks into commands: as few as the service's limits allow.

use std::cmp::Ordering;

use crate::host::payload::{self, PayloadError};
use crate::model::task::HostTask;
use crate::transport::TransportError;
use crate::transport::batch::{MAX_INSTANCES, take};

/// Room in each command for what is filled in after the cut: until when its steps may start.
const ROOM: usize = 256;

/// See [`crate::transport::Transport::batches`].
///
/// Each command carries the longest beginning of what is left that fits. That is the least number
/// for tasks in this order, and order is worth keeping: hosts that follow one another are alike.
pub(super) fn batches(mut tasks: Vec<HostTask>) -> Result<Vec<Vec<HostTask>>, TransportError> {
    let mut batches = Vec::new();
    while !tasks.is_empty() {
        let mut batch = take(&mut tasks, MAX_INSTANCES);
        let behind = batch.split_off(fitting(&batch)?);
        tasks.splice(..0, behind);
        batches.push(batch);
    }
    Ok(batches)
}

/// How many of the tasks, from the first, one command carries: at least one.
///
/// Packing is what takes time, so what to try next is guessed from the sizes of what fits and what
/// does not; two or three guesses are enough where tasks are of one size.
fn fitting(batch: &[HostTask]) -> Result<usize, TransportError> {
    let limit = payload::LIMIT - ROOM;
    let mut above = (batch.len(), measure(batch)?);
    if above.1 <= limit {
        return Ok(batch.len());
    }
    let mut below = (1, measure(&batch[..1])?);
    if below.1 > limit {
        return Err(TransportError::TooLarge {
            host: batch[0].host.to_string(),
            bytes: below.1,
            limit: payload::LIMIT,
        });
    }
    while above.0 - below.0 > 1 {
        let bytes_each = ((above.1 - below.1) / (above.0 - below.0)).max(1);
        let guess = below.0 + (limit - below.1) / bytes_each;
        let count = guess.clamp(below.0 + 1, above.0 - 1);
        let bytes = measure(&batch[..count])?;
        match bytes.cmp(&limit) {
            Ordering::Greater => above = (count, bytes),
            _ => below = (count, bytes),
        }
    }
    Ok(below.0)
}

fn measure(batch: &[HostTask]) -> Result<usize, TransportError> {
    Ok(payload::size(&pack(batch)?))
}

/// The `commands` of a batch.
pub(super) fn pack(batch: &[HostTask]) -> Result<Vec<String>, TransportError> {
    payload::pack(batch).map_err(|problem| match problem {
        PayloadError::Platform(host) => TransportError::Platform {
            host: host.to_string(),
        },
        problem => TransportError::Payload {
            source: problem.into(),
        },
    })
}
