//! Ctrl-C: the first records and leaves, the second leaves at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::error::Exit;
use super::ui::Ui;

/// Turns true at the first SIGINT or SIGTERM.
pub(crate) fn watch(ui: Ui) -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    let mut signals = Signals::listen();
    tokio::spawn(async move {
        signals.next().await;
        ui.tell(
            "recording where things stand; hosts go on by themselves. Once more leaves at once\n",
        );
        let _nobody_waits = sender.send(true);
        signals.next().await;
        leave();
    });
    receiver
}

/// SIGINT and SIGTERM from now on.
pub(crate) struct Signals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
}

impl Signals {
    /// A signal that cannot be listened to ends the process as it always did.
    pub(crate) fn listen() -> Self {
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    /// Waits for the next of either.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            () = receive(&mut self.interrupt) => {}
            () = receive(&mut self.terminate) => {}
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

#[expect(
    clippy::disallowed_methods,
    clippy::exit,
    reason = "whoever presses twice does not want to wait; ledger and hosts stand it as they stand a kill"
)]
fn leave() -> ! {
    std::process::exit(i32::from(Exit::Interrupted.code()))
}
