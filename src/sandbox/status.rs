//! Statuses of invocations and commands, and how the second follows from the first.

use serde::{Deserialize, Serialize};

/// Where a command stands on one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum InvocationStatus {
    /// Not delivered yet.
    Pending,
    /// Delivered, or under way to an instance that does not answer.
    InProgress,
    /// Somebody asked for its end.
    Cancelling,
    /// Exit code 0.
    Success,
    /// Any other exit code.
    Failed,
    /// It was ended before its end.
    Cancelled,
    /// Its execution took too long.
    ExecutionTimedOut,
    /// No answer came in time; it may have run.
    DeliveryTimedOut,
    /// Others failed before its turn came.
    Terminated,
    /// Its document is for other platforms.
    InvalidPlatform,
}

impl InvocationStatus {
    /// `Status` of an invocation. The finer ones exist as details only.
    pub(super) const fn api(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Cancelling => "Cancelling",
            Self::Success => "Success",
            Self::Failed | Self::InvalidPlatform => "Failed",
            Self::Cancelled | Self::Terminated => "Cancelled",
            Self::ExecutionTimedOut | Self::DeliveryTimedOut => "TimedOut",
        }
    }

    /// `StatusDetails` of an invocation.
    pub(super) const fn details(self) -> &'static str {
        match self {
            Self::ExecutionTimedOut => "ExecutionTimedOut",
            Self::DeliveryTimedOut => "DeliveryTimedOut",
            Self::Terminated => "Terminated",
            Self::InvalidPlatform => "InvalidPlatform",
            other => other.api(),
        }
    }

    /// `Status` of a plugin, which knows no `Cancelling`.
    pub(super) const fn plugin(self) -> &'static str {
        match self {
            Self::Cancelling => "InProgress",
            other => other.api(),
        }
    }

    pub(super) const fn is_terminal(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress | Self::Cancelling)
    }

    /// Counts against MaxErrors.
    pub(super) const fn is_error(self) -> bool {
        matches!(self, Self::Failed | Self::ExecutionTimedOut)
    }
}

/// Counters and status of a command, from its invocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) status: &'static str,
    pub(super) details: &'static str,
    pub(super) completed: usize,
    pub(super) errors: usize,
    pub(super) delivery_timed_out: usize,
}

impl Summary {
    /// `cancelling`: the whole command was asked to end. `max_errors`: resolved to a number.
    pub(super) fn of(statuses: &[InvocationStatus], max_errors: usize, cancelling: bool) -> Self {
        use InvocationStatus as S;
        let count =
            |wanted: fn(S) -> bool| statuses.iter().filter(|status| wanted(**status)).count();
        let completed = count(S::is_terminal);
        let errors = count(S::is_error);
        let delivery_timed_out = count(|status| status == S::DeliveryTimedOut);
        let (status, details) = if statuses.is_empty() {
            ("Failed", "NoInstancesInTag")
        } else if completed < statuses.len() {
            if cancelling {
                ("Cancelling", "Cancelling")
            } else if statuses.iter().all(|status| *status == S::Pending) {
                ("Pending", "Pending")
            } else {
                ("InProgress", "InProgress")
            }
        } else if errors > max_errors {
            if count(|status| status == S::Failed) > 0 {
                ("Failed", "Failed")
            } else {
                ("TimedOut", "ExecutionTimedOut")
            }
        } else if delivery_timed_out > max_errors {
            ("TimedOut", "DeliveryTimedOut")
        } else if count(|status| status == S::Cancelled) > 0 {
            ("Cancelled", "Cancelled")
        } else if count(|status| status == S::Success) == statuses.len() {
            ("Success", "Success")
        } else {
            ("Failed", "Incomplete")
        };
        Self {
            status,
            details,
            completed,
            errors,
            delivery_timed_out,
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        !matches!(self.status, "Pending" | "InProgress" | "Cancelling")
    }
}

#[cfg(test)]
mod tests {
    use super::InvocationStatus::{self as S, *};
    use super::Summary;

    #[test]
    fn a_command_is_what_its_invocations_are() {
        let check = |statuses: &[S], max_errors, cancelling, expected: &str| {
            let summary = Summary::of(statuses, max_errors, cancelling);
            assert_eq!(
                format!("{}/{}", summary.status, summary.details),
                expected,
                "{statuses:?}"
            );
        };
        check(&[Pending, Pending], 0, false, "Pending/Pending");
        check(&[Pending, Success], 0, false, "InProgress/InProgress");
        check(&[Cancelling, Success], 0, true, "Cancelling/Cancelling");
        check(&[Success, Success], 0, false, "Success/Success");
        check(&[Success, Failed], 0, false, "Failed/Failed");
        check(&[Success, Failed], 1, false, "Failed/Incomplete");
        check(&[Failed, Terminated], 0, false, "Failed/Failed");
        check(&[ExecutionTimedOut], 0, false, "TimedOut/ExecutionTimedOut");
        check(&[DeliveryTimedOut], 0, false, "TimedOut/DeliveryTimedOut");
        check(&[DeliveryTimedOut, Success], 1, false, "Failed/Incomplete");
        check(&[Cancelled, Success], 0, true, "Cancelled/Cancelled");
        check(&[], 0, false, "Failed/NoInstancesInTag");
    }
}
