//! Filters of ListCommands and ListCommandInvocations.

use serde::Deserialize;

use super::check::Constraints;
use super::error::ApiError;
use crate::sandbox::time::Millis;

/// One of `Filters`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct CommandFilter {
    key: Option<String>,
    value: Option<String>,
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
            let (key, value) = (format!("{place}.key"), format!("{place}.value"));
            if let Some(name) = constraints.present(filter.key.as_ref(), &key) {
                constraints.one_of(name, &KEYS, &key);
            }
            if let Some(text) = constraints.present(filter.value.as_ref(), &value) {
                constraints.length(text, 1..=128, &value);
            }
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
        let key = self.key.as_deref().unwrap_or_default();
        let value = self.value.as_deref().unwrap_or_default();
        let wrong =
            || ApiError::validation(format!("Value '{value}' is not valid for filter key {key}"));
        let time = || {
            let time = value.parse::<jiff::Timestamp>().map_err(|_| wrong())?;
            Ok(Millis(time.as_millisecond()))
        };
        match key {
            "InvokedAfter" => time().map(Filter::InvokedAfter),
            "InvokedBefore" => time().map(Filter::InvokedBefore),
            "DocumentName" => Ok(Filter::Document(value.to_owned())),
            "Status" => {
                let of_command = COMMAND_STATUSES.contains(&value);
                if STATUSES.contains(&value) || of_commands && of_command {
                    return Ok(Filter::Status(value.to_owned()));
                }
                Err(wrong())
            }
            "ExecutionStage" if of_commands => match value {
                "Executing" => Ok(Filter::Complete(false)),
                "Complete" => Ok(Filter::Complete(true)),
                _ => Err(wrong()),
            },
            _ => Err(ApiError::invalid_filter_key()),
        }
    }
}
