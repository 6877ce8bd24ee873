//! Filters of ListCommands and ListCommandInvocations.

use serde::Deserialize;

use super::check::Constraints;
use super::error::ApiError;
use crate::sandbox::time::Millis;

/// One of `Filters`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct CommandFilter {
    key: String,
    value: String,
}

const KEYS: [&str; 5] = [
    "InvokedAfter",
    "InvokedBefore",
    "Status",
    "ExecutionStage",
    "DocumentName",
];
const STATUSES: [&str; 14] = [
    "Pending",
    "InProgress",
    "Delayed",
    "Success",
    "Cancelled",
    "Cancelling",
    "Failed",
    "TimedOut",
    "AccessDenied",
    "DeliveryTimedOut",
    "ExecutionTimedOut",
    "Undeliverable",
    "InvalidPlatform",
    "Terminated",
];
const COMMAND_STATUSES: [&str; 3] = ["Incomplete", "NoInstancesInTag", "LimitExceeded"];

/// What filters look at.
pub(super) struct Subject<'a> {
    pub(super) requested_at: Millis,
    pub(super) document: &'a str,
    pub(super) status: &'a str,
    pub(super) details: &'a str,
    pub(super) complete: bool,
}

/// Filters that were found to make sense.
#[derive(Debug, Default)]
pub(super) struct Filters(Vec<Filter>);

#[derive(Debug)]
enum Filter {
    InvokedAfter(Millis),
    InvokedBefore(Millis),
    Status(String),
    Complete(bool),
    Document(String),
}

impl Filters {
    /// `of_commands`: the operation is ListCommands, which knows stages.
    pub(super) fn check(
        filters: Option<&Vec<CommandFilter>>,
        of_commands: bool,
    ) -> Result<Self, ApiError> {
        let Some(filters) = filters else {
            return Ok(Self::default());
        };
        let mut constraints = Constraints::default();
        constraints.count(filters.len(), "[…]", 1..=5, "filters");
        for (number, filter) in filters.iter().enumerate() {
            let place = format!("filters.{}.member", number + 1);
            constraints.one_of(&filter.key, &KEYS, &format!("{place}.key"));
            constraints.length(&filter.value, 1..=128, &format!("{place}.value"));
        }
        constraints.finish()?;
        filters
            .iter()
            .map(|filter| filter.read(of_commands))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(super) fn let_through(&self, subject: &Subject<'_>) -> bool {
        self.0.iter().all(|filter| match filter {
            Filter::InvokedAfter(time) => subject.requested_at >= *time,
            Filter::InvokedBefore(time) => subject.requested_at < *time,
            Filter::Status(status) => subject.status == status || subject.details == status,
            Filter::Complete(complete) => subject.complete == *complete,
            Filter::Document(name) => subject.document == name,
        })
    }
}

impl CommandFilter {
    fn read(&self, of_commands: bool) -> Result<Filter, ApiError> {
        let wrong = || {
            ApiError::validation(format!(
                "Value '{}' is not valid for filter key {}",
                self.value, self.key
            ))
        };
        let time = || {
            let time = self.value.parse::<jiff::Timestamp>().map_err(|_| wrong())?;
            Ok(Millis(time.as_millisecond()))
        };
        match self.key.as_str() {
            "InvokedAfter" => time().map(Filter::InvokedAfter),
            "InvokedBefore" => time().map(Filter::InvokedBefore),
            "DocumentName" => Ok(Filter::Document(self.value.clone())),
            "Status" => {
                let of_command = COMMAND_STATUSES.contains(&self.value.as_str());
                if STATUSES.contains(&self.value.as_str()) || of_commands && of_command {
                    return Ok(Filter::Status(self.value.clone()));
                }
                Err(wrong())
            }
            "ExecutionStage" if of_commands => match self.value.as_str() {
                "Executing" => Ok(Filter::Complete(false)),
                "Complete" => Ok(Filter::Complete(true)),
                _ => Err(wrong()),
            },
            _ => Err(ApiError::invalid_filter_key()),
        }
    }
}
