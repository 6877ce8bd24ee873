//! Cuts tasks into commands: as few as the service's limits allow.

use crate::host::payload::{self, PayloadError};
use crate::model::task::HostTask;
use crate::transport::TransportError;
use crate::transport::batch::{MAX_INSTANCES, split};

/// See [`crate::transport::Transport::batches`].
pub(super) fn batches(tasks: Vec<HostTask>) -> Result<Vec<Vec<HostTask>>, TransportError> {
    let mut fitting = Vec::new();
    for batch in split(tasks, MAX_INSTANCES) {
        cut(batch, &mut fitting)?;
    }
    Ok(fitting)
}

/// Adds the batch as it is, or in equal parts as many as its size needs at least.
fn cut(batch: Vec<HostTask>, fitting: &mut Vec<Vec<HostTask>>) -> Result<(), TransportError> {
    let bytes = payload::size(&pack(&batch)?);
    if bytes <= payload::LIMIT {
        fitting.push(batch);
        return Ok(());
    }
    if let [task] = batch.as_slice() {
        return Err(TransportError::TooLarge {
            host: task.host.to_string(),
            bytes,
            limit: payload::LIMIT,
        });
    }
    let parts = bytes.div_ceil(payload::LIMIT).min(batch.len());
    let length = batch.len().div_ceil(parts);
    for part in batch.chunks(length) {
        cut(part.to_vec(), fitting)?;
    }
    Ok(())
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
