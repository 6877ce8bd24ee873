//! How tasks are cut into commands: what holds for every transport, before sizes are looked at.

use std::collections::BTreeSet;

use crate::model::desired::Platform;
use crate::model::id::InstanceId;
use crate::model::task::HostTask;

/// SendCommand takes at most 50 instance ids (botocore `ssm/2014-11-06`, InstanceIds max 50).
pub(super) const MAX_INSTANCES: usize = 50;

/// Cuts tasks, in their order, into batches of at most `longest` tasks for one platform with every
/// instance once: a command runs once on each instance, and finds its task by the instance.
pub(super) fn split(tasks: Vec<HostTask>, longest: usize) -> Vec<Vec<HostTask>> {
    let mut batches: Vec<Batch> = Vec::new();
    for task in tasks {
        match batches.iter_mut().find(|b| b.takes(&task, longest)) {
            Some(batch) => batch.push(task),
            None => batches.push(Batch::of(task)),
        }
    }
    batches.into_iter().map(|batch| batch.tasks).collect()
}

struct Batch {
    platform: Platform,
    instances: BTreeSet<InstanceId>,
    tasks: Vec<HostTask>,
}

impl Batch {
    fn of(task: HostTask) -> Self {
        Self {
            platform: task.platform,
            instances: BTreeSet::from([task.instance.clone()]),
            tasks: vec![task],
        }
    }

    fn takes(&self, task: &HostTask, longest: usize) -> bool {
        self.tasks.len() < longest
            && self.platform == task.platform
            && !self.instances.contains(&task.instance)
    }

    fn push(&mut self, task: HostTask) {
        self.instances.insert(task.instance.clone());
        self.tasks.push(task);
    }
}
