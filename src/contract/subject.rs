//! What a contract holds a size for: a fixture, or the bodies of an endpoint that are like each other.

use std::fmt;
use std::str::FromStr;

use crate::endpoint::{Direction, EndpointName};
use crate::ledger::View;

/// What is compared with itself: like with like.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// Bodies that a test gives by hand, under a name of its own.
    Fixture(String),
    /// Bodies that passed a layer. Those of all content codings are one: where compression is lost, bodies have grown.
    Bodies {
        /// The endpoint.
        endpoint: EndpointName,
        /// Requests or responses.
        direction: Direction,
        /// The class of the status code; `None` for requests.
        status: Option<StatusClass>,
        /// Bytes of the wire, or decoded ones.
        view: View,
    },
}

impl fmt::Display for Subject {
    /// `fixture "an order"`, `client GET /inventory/{sku} of inventory, response 2xx`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixture(name) => write!(f, "fixture {name:?}"),
            Self::Bodies { endpoint, direction, status, view } => {
                write!(f, "{endpoint}, {direction}")?;
                if let Some(status) = status {
                    write!(f, " {status}")?;
                }
                match view {
                    View::Wire => Ok(()),
                    View::Decoded => f.write_str(" decoded"),
                }
            }
        }
    }
}

/// The class of a status code, `1xx` to `5xx` (RFC 9110, section 15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatusClass(u8);

impl StatusClass {
    /// The class of a code; codes outside 100 to 599 have none.
    #[must_use]
    pub fn of(status: u16) -> Option<Self> {
        u8::try_from(status / 100).ok().filter(|class| (1..=5).contains(class)).map(Self)
    }
}

impl fmt::Display for StatusClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}xx", self.0)
    }
}

impl FromStr for StatusClass {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let digit = text.strip_suffix("xx").and_then(|digit| digit.parse().ok());
        let class = digit.filter(|class| (1..=5).contains(class)).filter(|_| text.len() == 3);
        class.map(Self).ok_or("write a class of status codes: 1xx, 2xx, 3xx, 4xx or 5xx")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_reads_like_a_sentence() {
        let bodies = |status, view| Subject::Bodies {
            endpoint: "client GET /inventory/{sku} of inventory".parse().unwrap(),
            direction: if status == 0 { Direction::Request } else { Direction::Response },
            status: StatusClass::of(status),
            view,
        };
        let text = "client GET /inventory/{sku} of inventory, response 2xx";
        assert_eq!(bodies(204, View::Wire).to_string(), text);
        assert_eq!(bodies(200, View::Decoded).to_string(), format!("{text} decoded"));
        assert_eq!(bodies(0, View::Wire).to_string(), "client GET /inventory/{sku} of inventory, request");
        assert_eq!(Subject::Fixture("an \"order\"".into()).to_string(), r#"fixture "an \"order\"""#);
    }

    #[test]
    fn a_class_of_status_codes_reads_back() {
        for (code, text) in [(100, "1xx"), (204, "2xx"), (308, "3xx"), (418, "4xx"), (599, "5xx")] {
            let class = StatusClass::of(code).unwrap();
            assert_eq!((class.to_string().as_str(), text.parse()), (text, Ok(class)));
        }
        assert_eq!((StatusClass::of(99), StatusClass::of(600)), (None, None));
        for wrong in ["200", "0xx", "6xx", "+2xx", "2XX", ""] {
            assert!(wrong.parse::<StatusClass>().is_err(), "{wrong}");
        }
    }
}
