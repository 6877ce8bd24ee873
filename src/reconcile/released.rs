//! What left the manifest: nothing runs on it, and its record says `released` (protocol §2).

use crate::model::desired::Environment;
use crate::model::observed::{HostRecord, ServiceState};
use crate::model::time::Timestamp;
use crate::rollout::Books;

/// Marks what the environment no longer names.
pub(super) fn release(books: &mut Books, environment: &Environment, at: Timestamp) {
    let mut changed = Vec::new();
    for (name, record) in books.hosts() {
        let mut after = HostRecord::clone(record);
        for (service, record) in &mut after.services {
            // What is to be removed is named, and waits for that.
            let is_named = environment.assignment(name, service).is_some();
            if !is_named && record.state != ServiceState::Released {
                record.state = ServiceState::Released;
                record.since = at;
                record.message.clear();
            }
        }
        if after != **record {
            changed.push((name.clone(), after));
        }
    }
    for (name, record) in changed {
        books.set_host(&name, record);
    }
}
