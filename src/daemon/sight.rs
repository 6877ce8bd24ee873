//! What git says: one question, and what its answer means for each environment.

use std::collections::BTreeMap;

use crate::ledger::{Ledger, LedgerMark};
use crate::model::id::{EnvironmentName, Revision};
use crate::reconcile::ReconcileError;
use crate::rollout::DesiredSource;

/// Everything at one moment.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    /// The desired commit.
    pub(super) revision: Revision,
    /// Those of the manifest, and those that only the ledger knows.
    pub(super) environments: BTreeMap<EnvironmentName, (Standing, Mark)>,
}

/// All that a pass of an environment reads in git; with equal marks it comes to the same again, but
/// for what time and hosts change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) desired: Revision,
    pub(super) ledger: LedgerMark,
}

/// What the desired commit says of an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Valid,
    /// Its file or one of its templates is wrong.
    Invalid,
    /// It has no such environment any more.
    Gone,
}

/// Asks the remote once, which brings what moved.
pub(super) async fn look(
    ledger: &dyn Ledger,
    desired: &dyn DesiredSource,
) -> Result<Sight, ReconcileError> {
    ledger.fetch().await?;
    let newest = desired.fetched().await?;
    let recorded = ledger.environments().await?;
    let mut standings: BTreeMap<EnvironmentName, Standing> = BTreeMap::new();
    standings.extend(recorded.into_iter().map(|name| (name, Standing::Gone)));
    let (valid, invalid) = (newest.fleet().environments.keys(), newest.invalid().iter());
    standings.extend(valid.map(|name| (name.clone(), Standing::Valid)));
    standings.extend(invalid.map(|name| (name.clone(), Standing::Invalid)));
    let mut environments = BTreeMap::new();
    for (name, standing) in standings {
        let mark = Mark {
            desired: newest.revision().clone(),
            ledger: ledger.mark(&name).await?,
        };
        environments.insert(name, (standing, mark));
    }
    Ok(Sight {
        revision: newest.revision().clone(),
        environments,
    })
}
