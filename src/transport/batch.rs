//! How tasks are cut into commands: what holds for every transport, before sizes are looked at.

use std::collections::BTreeSet;

use crate::model::id::InstanceId;
use crate::model::task::HostTask;

/// SendCommand takes at most 50 instance ids (botocore `ssm/2014-11-06`, InstanceIds max 50).
pub(super) const MAX_INSTANCES: usize = 50;

/// Takes tasks out, in their order: at most `longest` for one platform with every instance once,
/// because a command runs once on each instance and finds its task by the instance.
pub(super) fn take(tasks: &mut Vec<HostTask>, longest: usize) -> Vec<HostTask> {
    let mut batch = Batch::default();
    let mut rest = Vec::new();
    for task in tasks.drain(..) {
        match batch.takes(&task, longest) {
            true => batch.push(task),
            false => rest.push(task),
        }
    }
    *tasks = rest;
    batch.tasks
}

#[derive(Default)]
struct Batch {
    instances: BTreeSet<InstanceId>,
    tasks: Vec<HostTask>,
}

impl Batch {
    fn takes(&self, task: &HostTask, longest: usize) -> bool {
        self.tasks.len() < longest
            && self
                .tasks
                .first()
                .is_none_or(|first| first.platform == task.platform)
            && !self.instances.contains(&task.instance)
    }

    fn push(&mut self, task: HostTask) {
        self.instances.insert(task.instance.clone());
        self.tasks.push(task);
    }
}
