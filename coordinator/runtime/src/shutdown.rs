//! A request to stop, from the terminal or from a supervisor.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::error::Error;

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ctrl-C (SIGINT).
    Interrupt,
    /// SIGTERM, or a parent that went away.
    Terminate,
}

impl Kind {
    /// The exit status that shells expect of a process ended by this signal.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Resolves once somebody asks to stop. Clones see the same request.
#[derive(Clone, Debug)]
pub struct Signal(watch::Receiver<Asked>);

/// The first request, and how many there were.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    first: Option<Kind>,
    times_n: u32,
}

/// Raises a [`Signal`] by hand.
#[derive(Clone, Debug)]
pub struct Trigger(watch::Sender<Asked>);

impl Trigger {
    /// Asks to stop. The first request counts; of later ones only that there were some.
    pub fn raise(&self, kind: Kind) {
        self.0.send_modify(|asked| {
            asked.first.get_or_insert(kind);
            asked.times_n = asked.times_n.saturating_add(1);
        });
    }
}

impl Signal {
    /// Listens for SIGINT and SIGTERM for the rest of the process's life.
    ///
    /// A second SIGINT ends the process at once, for whoever cannot wait for a graceful end. A
    /// SIGTERM never does: a worker may get both, Ctrl-C from the terminal that its parent shares
    /// and SIGTERM from that parent, and must still write its checkpoint. Whoever has nothing to lose
    /// looks at [`Self::raised_again`].
    ///
    /// # Errors
    /// When the operating system refuses the handlers.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn listen() -> Result<(Trigger, Self), Error> {
        let mut interrupts = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
        let mut terminations = signal(SignalKind::terminate()).map_err(Error::Signals)?;
        let (trigger, this) = Self::manual();
        let raise = trigger.clone();
        tokio::spawn(async move {
            let mut interrupted = false;
            loop {
                tokio::select! {
                    Some(()) = interrupts.recv() => {
                        if interrupted {
                            end_at_once();
                        }
                        interrupted = true;
                        raise.raise(Kind::Interrupt);
                    }
                    Some(()) = terminations.recv() => raise.raise(Kind::Terminate),
                    else => break,
                }
            }
        });
        Ok((trigger, this))
    }

    /// A signal that only its trigger raises.
    #[must_use]
    pub fn manual() -> (Trigger, Self) {
        let (sender, receiver) = watch::channel(Asked::default());
        (Trigger(sender), Self(receiver))
    }

    /// Waits for the request. Never resolves once every trigger is gone without one.
    pub async fn raised(&self) -> Kind {
        let mut receiver = self.0.clone();
        match receiver.wait_for(|asked| asked.first.is_some()).await.map(|asked| asked.first) {
            Ok(Some(kind)) => kind,
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Waits for the request to be made once more. Never resolves once every trigger is gone without.
    pub async fn raised_again(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|asked| asked.times_n > 1).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether it was made more than once.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        self.0.borrow().times_n > 1
    }

    /// The request so far.
    #[must_use]
    pub fn now(&self) -> Option<Kind> {
        self.0.borrow().first
    }
}

#[expect(clippy::exit, reason = "the user asked twice: nothing is worth waiting for")]
fn end_at_once() -> ! {
    std::process::exit(i32::from(Kind::Interrupt.exit_code()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_clone_sees_the_first_request() {
        let (trigger, signal) = Signal::manual();
        let waiting = signal.clone();
        let waiter = tokio::spawn(async move { waiting.raised().await });
        assert_eq!(signal.now(), None);
        trigger.raise(Kind::Terminate);
        trigger.raise(Kind::Interrupt);
        assert_eq!(waiter.await.unwrap(), Kind::Terminate);
        // Also whoever asks late.
        assert_eq!(signal.raised().await, Kind::Terminate);
        assert_eq!(signal.now(), Some(Kind::Terminate));
    }

    #[tokio::test]
    async fn a_second_request_is_told_apart() {
        let (trigger, signal) = Signal::manual();
        let waiting = signal.clone();
        let waiter = tokio::spawn(async move { waiting.raised_again().await });
        trigger.raise(Kind::Terminate);
        assert_eq!(signal.raised().await, Kind::Terminate);
        assert!(!signal.is_urgent() && !waiter.is_finished());
        trigger.raise(Kind::Terminate);
        waiter.await.unwrap();
        assert!(signal.is_urgent());
    }
}
