//! Of which kind a failure is, so that the coordinator knows whether to try again.

use std::fmt;

use sweep_core::run::FailureReason;
use sweep_trainer::Error as TrainerError;

use crate::training::chain;

/// Why a run cannot be trained.
#[derive(Debug)]
pub(crate) struct Fault(pub(crate) FailureReason);

impl Fault {
    /// What no repetition mends.
    pub(crate) const fn configuration(message: String) -> Self {
        Self(FailureReason::BadConfiguration { message })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A fault of no special kind may be gone the next time.
impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self(FailureReason::Trainer { message })
    }
}

impl From<&TrainerError> for Fault {
    fn from(error: &TrainerError) -> Self {
        let message = chain(error);
        match error {
            TrainerError::OutOfMemory { .. } => Self(FailureReason::OutOfMemory { message }),
            TrainerError::CorpusTooSmall { .. }
            | TrainerError::TextUsedUp { .. }
            | TrainerError::WrongCorpus { .. }
            | TrainerError::Vocabulary { .. }
            | TrainerError::Shape { .. }
            | TrainerError::MomentsOnDevice
            | TrainerError::NotOurs
            | TrainerError::NoGradient { .. } => Self::configuration(message),
            _ => message.into(),
        }
    }
}

/// Words by which a program says that memory ran out: those of PyTorch, CUDA, JAX, C++ and Python.
const OUT_OF_MEMORY: [&str; 6] = [
    "out of memory",
    "outofmemoryerror",
    "cuda_error_out_of_memory",
    "resource_exhausted",
    "std::bad_alloc",
    "memoryerror",
];
/// Linux ends a process by this signal where memory runs out.
const SIGKILL: i32 = 9;

/// Of a command that ended without a result, by what it printed last and the signal that ended it, where
/// that was not ours.
pub(crate) fn of_command(message: String, tail: &str, signal: Option<i32>) -> Fault {
    let tail = tail.to_lowercase();
    if signal == Some(SIGKILL) || OUT_OF_MEMORY.iter().any(|words| tail.contains(words)) {
        return Fault(FailureReason::OutOfMemory { message });
    }
    message.into()
}

#[cfg(test)]
mod tests {
    use sweep_core::retry::AttemptEnd;

    use super::*;

    #[test]
    fn a_command_tells_by_its_words_or_its_signal_that_memory_ran_out() {
        for (tail, signal, end) in [
            ("torch.OutOfMemoryError: CUDA out of memory. Tried", None, AttemptEnd::OutOfMemory),
            ("terminate called: std::bad_alloc", Some(6), AttemptEnd::OutOfMemory),
            ("MemoryError", None, AttemptEnd::OutOfMemory),
            ("step 3", Some(9), AttemptEnd::OutOfMemory),
            ("step 3", Some(11), AttemptEnd::TrainerError),
            ("no module named torch", None, AttemptEnd::TrainerError),
        ] {
            let fault = of_command("it ended".to_owned(), tail, signal);
            assert_eq!(fault.0.end(), end, "{tail}");
        }
    }

    #[test]
    fn what_no_repetition_mends_is_told_apart() {
        let needless = TrainerError::CorpusTooSmall { split: "training", tokens: 1, needed: 9 };
        assert_eq!(Fault::from(&needless).0.end(), AttemptEnd::BadConfiguration);
        let source = std::io::Error::other("a cable was pulled");
        let passing = TrainerError::Io { path: "a".into(), source };
        let fault = Fault::from(&passing);
        assert_eq!(fault.0.end(), AttemptEnd::TrainerError);
        assert!(fault.to_string().ends_with("a cable was pulled"));
    }
}
