//! Ctrl-C: the first records and leaves, the second leaves at once.
//!
//! SIGTERM and SIGHUP are as good: a machine that shuts down and a connection that breaks leave the
//! wave to its hosts as a person does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::error::Exit;
use super::progress::Progress;
use crate::git;

/// A command listens for itself and leaves when it has recorded where things stand.
static TAKEN_OVER: AtomicBool = AtomicBool::new(false);

/// It was SIGTERM that ended it.
static IS_TERMINATED: AtomicBool = AtomicBool::new(false);

/// Whether the signal that [`watch`] heard was SIGTERM: how a service is told that it is over.
pub(crate) fn is_terminated() -> bool {
    IS_TERMINATED.load(Ordering::SeqCst)
}

/// Until a command listens for itself nothing is under way but reading: a signal ends the process
/// as it does by default, and first a git that it waits for.
pub(crate) fn guard() {
    let mut signals = Signals::of_process();
    tokio::spawn(async move {
        let kind = signals.next().await;
        if !TAKEN_OVER.load(Ordering::SeqCst) {
            let _none_starts = git::end_running();
            // A shell that runs a script stops it only where the signal itself ended a program.
            let _ended = signal_hook::low_level::emulate_default_handler(kind.as_raw_value());
            exit();
        }
    });
}

/// Turns true at the first SIGINT, SIGTERM or SIGHUP.
pub(crate) fn watch(progress: &Arc<Progress>) -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    let mut signals = Signals::listen();
    let progress = Arc::downgrade(progress);
    tokio::spawn(async move {
        let kind = signals.next().await;
        IS_TERMINATED.store(kind == SignalKind::terminate(), Ordering::SeqCst);
        if let Some(progress) = progress.upgrade() {
            progress.say("recording where things stand; hosts go on. Once more leaves at once");
        }
        let _nobody_waits = sender.send(true);
        signals.next().await;
        if let Some(progress) = progress.upgrade() {
            progress.end();
        }
        leave();
    });
    receiver
}

/// SIGINT, SIGTERM and SIGHUP from now on.
pub(crate) struct Signals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
    hang_up: Option<Signal>,
}

impl Signals {
    /// From here on they are the caller's business.
    pub(crate) fn listen() -> Self {
        TAKEN_OVER.store(true, Ordering::SeqCst);
        Self::of_process()
    }

    /// A signal that cannot be listened to ends the process as it always did.
    fn of_process() -> Self {
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
            // Whoever starts it with nohup wants it to outlive the connection.
            hang_up: (!is_ignored(SignalKind::hangup()))
                .then(|| signal(SignalKind::hangup()).ok())
                .flatten(),
        }
    }

    /// Waits for the next of any.
    pub(crate) async fn next(&mut self) -> SignalKind {
        tokio::select! {
            () = receive(&mut self.interrupt) => SignalKind::interrupt(),
            () = receive(&mut self.terminate) => SignalKind::terminate(),
            () = receive(&mut self.hang_up) => SignalKind::hangup(),
        }
    }
}

async fn receive(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Whether who started this process had it ignore a signal; where the system does not tell, no.
fn is_ignored(kind: SignalKind) -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_some_and(|mask| mask >> (kind.as_raw_value() - 1) & 1 == 1)
    })
}

fn leave() -> ! {
    // A group of its own: no Ctrl-C reaches it, and nobody would wait for its end.
    let _none_starts = git::end_running();
    exit()
}

#[expect(
    clippy::disallowed_methods,
    clippy::exit,
    reason = "whoever presses twice does not want to wait; ledger and hosts stand it as they stand a kill"
)]
fn exit() -> ! {
    std::process::exit(i32::from(Exit::Interrupted.code()))
}
