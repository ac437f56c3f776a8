//! The routers that are put behind a real server.

use axum::Router;
use axum::body::Body;
use plimsoll::Ledger;
use tower::layer::util::Identity;

use crate::exchange::Exchange;
use crate::{ours, peers, settings};

/// What stands around the routes of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// Nothing.
    Bare,
    /// A layer that leaves everything as it is; axum boxes it.
    NoOp,
    /// A layer that gives both bodies another type and does nothing else; axum boxes those too.
    Wrapped,
    /// Ours, with everything on.
    Everything,
}

impl Served {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Bare, Self::NoOp, Self::Wrapped, Self::Everything];

    /// What it is called on a command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::NoOp => "no-op",
            Self::Wrapped => "wrapped",
            Self::Everything => "everything",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|served| served.name() == name)
    }

    /// A service that answers this exchange.
    pub fn router(self, exchange: Exchange) -> Router {
        let routes = settings::routes(exchange);
        match self {
            Self::Bare => routes,
            Self::NoOp => routes.layer(Identity::new()),
            Self::Wrapped => routes.layer(peers::wrap::<Body, Body>()),
            Self::Everything => routes.layer(ours::everything(&Ledger::new(), exchange)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own() {
        for served in Served::ALL {
            assert_eq!(Served::named(served.name()), Some(served));
        }
    }
}
