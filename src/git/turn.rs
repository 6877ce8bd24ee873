//! One question at a time, whose answer serves everybody who had asked before it began.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Who waits for the same answer.
#[derive(Debug, Default)]
pub(super) struct Turn {
    begun: AtomicU64,
    /// The last one that was answered.
    answered: Mutex<u64>,
}

/// How many had begun when somebody asked: what any later one says is new enough.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket(u64);

impl Turn {
    pub(super) fn ask(&self) -> Ticket {
        Ticket(self.begun.load(Ordering::SeqCst))
    }

    /// Waits for whoever is being answered; asks only where that began too early, or failed.
    pub(super) fn answer<E>(
        &self,
        ticket: Ticket,
        question: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        if *answered > ticket.0 {
            return Ok(());
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        question()?;
        *answered = number;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_serves_those_who_asked_before_its_question() {
        let turn = Turn::default();
        let mut asked = 0;
        let mut answer = |ticket, result: Result<(), ()>| {
            let before = asked;
            let answered = turn.answer(ticket, || {
                asked += 1;
                result
            });
            (answered, asked - before)
        };
        let (one, two, three) = (turn.ask(), turn.ask(), turn.ask());
        assert_eq!(answer(one, Err(())), (Err(()), 1));
        assert_eq!(answer(two, Ok(())), (Ok(()), 1), "no answer serves nobody");
        assert_eq!(answer(three, Ok(())), (Ok(()), 0));
        let late = turn.ask();
        assert_eq!(answer(late, Ok(())), (Ok(()), 1));
    }
}
