//! Why a contract is not kept, or cannot be read, checked or written.

use std::fmt;
use std::path::PathBuf;

use crate::files::Fault;

use super::verdict::Verdict;

/// Why a check of a [`Contract`](super::Contract) did not pass.
///
/// Its `Debug` is its message: what a test prints that returns it.
pub struct ContractError(Kind);

pub(super) enum Kind {
    File(Fault),
    Missing(PathBuf),
    Nothing(PathBuf),
    Reason(String),
    InCi,
    Broken(Box<Verdict>),
}

impl ContractError {
    /// The verdict, where the contract was read and is not kept.
    #[must_use]
    pub fn verdict(&self) -> Option<&Verdict> {
        match &self.0 {
            Kind::Broken(verdict) => Some(verdict),
            Kind::File(_) | Kind::Missing(_) | Kind::Nothing(_) | Kind::Reason(_) | Kind::InCi => None,
        }
    }
}

impl From<Kind> for ContractError {
    fn from(kind: Kind) -> Self {
        Self(kind)
    }
}

impl From<Fault> for ContractError {
    fn from(fault: Fault) -> Self {
        Self(Kind::File(fault))
    }
}

impl fmt::Display for ContractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::File(fault) => write!(f, "{fault}"),
            Kind::Missing(path) => write!(
                f,
                "{}: there is no such contract; to make it, run this where you develop, and commit the file:\n\n  \
                 PLIMSOLL_ACCEPT=\"first sizes\" cargo test",
                path.display()
            ),
            Kind::Nothing(path) => write!(
                f,
                "{}: nothing was measured that could be held against it; is this the ledger of the layers that the \
                 test went through, and did their bodies end?",
                path.display()
            ),
            Kind::Reason(text) => write!(
                f,
                "PLIMSOLL_ACCEPT asks for a reason, and {text:?} is none: say why bodies may be so large, as in \
                 PLIMSOLL_ACCEPT=\"shops show full details\""
            ),
            Kind::InCi => f.write_str(
                "PLIMSOLL_ACCEPT is set where CI is: a contract is accepted where you develop, committed and reviewed; \
                 CI only holds the code to it",
            ),
            Kind::Broken(verdict) => write!(f, "{verdict}"),
        }
    }
}

impl fmt::Debug for ContractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ContractError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::File(fault) => fault.source().map(|source| source as _),
            Kind::Missing(_) | Kind::Nothing(_) | Kind::Reason(_) | Kind::InCi | Kind::Broken(_) => None,
        }
    }
}
