//! What AWS said of an environment's hosts when it was asked (`plan --live`). No part of a plan: it
//! is true for the moment, and nothing is decided by it.

use serde::Serialize;

use super::rows::{Row, names};
use crate::model::id::{HostName, InstanceId};
use crate::reporter::fold;
use crate::reporter::text::{Tone, plural};

/// Which hosts can be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reach {
    /// How many can.
    pub reachable: usize,
    /// Those that cannot, by name.
    pub unreachable: Vec<Unreachable>,
    /// Why nobody was asked; null where somebody was.
    pub message: Option<String>,
}

/// A host that cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreachable {
    /// Which.
    pub host: HostName,
    /// Its instance.
    pub instance: InstanceId,
    /// Why, in AWS's words.
    pub reason: String,
}

impl Reach {
    /// In one line.
    pub(super) fn words(&self) -> String {
        if let Some(message) = &self.message {
            return message.clone();
        }
        let asked = self.reachable + self.unreachable.len();
        format!(
            "{} of {} can be reached now",
            self.reachable,
            plural(asked, "host")
        )
    }

    /// A row per reason.
    pub(super) fn rows(&self) -> Vec<Row> {
        fold::by_key(&self.unreachable, |it| &it.reason)
            .into_iter()
            .map(|(reason, members)| Row {
                label: "offline".to_owned(),
                tone: Tone::Bad,
                hosts: names(members.iter().map(|it| &it.host)),
                service: String::new(),
                middle: String::new(),
                last: reason.clone(),
                members: members.len(),
            })
            .collect()
    }
}
