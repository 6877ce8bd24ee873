//! Whole rollouts on a virtual clock, a ledger and hosts in memory: first one by hand, then
//! hundreds by seed, with faults and with controllers that are killed anywhere.

mod absent;
mod canary;
mod daemon;
mod desired;
mod invariants;
mod protocol;
mod reconcile;
mod rollout;
mod rounds;
mod seeds;
mod world;
