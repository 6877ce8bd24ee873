//! What a terminal does with keys while live lines are drawn.

use std::os::fd::AsFd;

use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr,
};

use crate::reporter::live::Size;

/// The modes of the terminal behind stdin, where they were changed.
#[derive(Debug, Default)]
pub(crate) struct Keyboard {
    before: Option<Termios>,
}

impl Keyboard {
    /// A terminal that shows `^C` moves the cursor, and live lines no longer find their place.
    pub(crate) fn without_echo_of_control_keys() -> Self {
        let before = is_ours()
            .then(|| tcgetattr(std::io::stdin()).ok())
            .flatten()
            .filter(|modes| modes.local_modes.contains(LocalModes::ECHOCTL));
        if let Some(before) = &before {
            let mut quiet = before.clone();
            quiet.local_modes.remove(LocalModes::ECHOCTL);
            set(&quiet);
        }
        Self { before }
    }

    /// Puts the modes back. Twice is harmless.
    pub(crate) fn restore(&self) {
        if let Some(before) = self.before.as_ref().filter(|_| is_ours()) {
            set(before);
        }
    }
}

/// Somebody else's terminal stops a process that changes it (SIGTTOU): a shell's `fleet apply &`.
fn is_ours() -> bool {
    tcgetpgrp(std::io::stdin()).is_ok_and(|group| group == getpgrp())
}

fn set(modes: &Termios) {
    // A terminal that is gone needs nothing.
    let _gone = tcsetattr(std::io::stdin(), OptionalActions::Now, modes);
}

/// The size of a terminal, where the stream is one that knows it.
pub(crate) fn size(stream: impl AsFd) -> Option<Size> {
    let size = tcgetwinsize(stream).ok()?;
    let (columns, rows) = (usize::from(size.ws_col), usize::from(size.ws_row));
    (columns > 0 && rows > 0).then_some(Size { columns, rows })
}
