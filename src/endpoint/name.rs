//! An endpoint's name in files and on command lines: text that reads back to the same endpoint.

use std::error::Error;
use std::fmt::{self, Write};
use std::str::FromStr;

use super::{Endpoint, MethodClass, Role};

/// What names an endpoint where there is no [`Endpoint`] at hand: in a policy, a contract, a baseline.
///
/// Written `server POST /checkout` and `client GET /inventory/{sku} of inventory`, with `-` for a route or upstream
/// that is absent. Of what stands for them, white space, control characters and `%` are written as `%` and two
/// hexadecimal digits a byte (RFC 3986, section 2.1), so that a name is always four or five words, and reads back to
/// itself. It says which endpoint is meant; what an endpoint *is*, in the ledger, is an [`Endpoint`].
///
/// ```
/// use plimsoll::{EndpointName, Role};
///
/// let name: EndpointName = "client GET /inventory/{sku} of inventory".parse()?;
/// assert_eq!((name.role(), name.method()), (Role::Client, "GET"));
/// assert_eq!((name.route(), name.upstream()), (Some("/inventory/{sku}"), Some("inventory")));
/// assert_eq!(name.to_string(), "client GET /inventory/{sku} of inventory");
/// # Ok::<_, plimsoll::EndpointNameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointName {
    role: Role,
    route: Option<Box<str>>,
    method: MethodClass,
    upstream: Option<Box<str>>,
}

impl EndpointName {
    /// The name of an endpoint of a ledger; `None` for the overflow, which stands for many.
    #[must_use]
    pub fn of(endpoint: &Endpoint) -> Option<Self> {
        (!endpoint.is_overflow()).then(|| Self {
            role: endpoint.role(),
            method: endpoint.0.method,
            route: endpoint.route().map(Into::into),
            upstream: endpoint.upstream().map(Into::into),
        })
    }

    /// Whether this is the name of that endpoint; copies nothing.
    #[must_use]
    pub fn is_of(&self, endpoint: &Endpoint) -> bool {
        let Self { role, method, route, upstream } = self;
        !endpoint.is_overflow()
            && endpoint.role() == *role
            && endpoint.0.method == *method
            && endpoint.route() == route.as_deref()
            && endpoint.upstream() == upstream.as_deref()
    }

    /// The endpoint that it names, whose upstream ends with this port; `None` where it does not.
    #[cfg(feature = "serde")]
    pub(crate) fn endpoint(&self, port: Option<u16>) -> Option<Endpoint> {
        let Self { role, method, route, upstream } = self;
        let host = match (upstream.as_deref(), port) {
            (Some(upstream), Some(port)) => Some(upstream.strip_suffix(&format!(":{port}"))?),
            (None, Some(_)) => return None,
            (upstream, None) => upstream,
        };
        let upstream = super::Upstream { name: host, port };
        Some(Endpoint::new(&super::Key { role: *role, method: *method, upstream, route: route.as_deref() }))
    }

    /// The key that a call to it has. `upstream` is its own, taken apart.
    #[cfg(feature = "serde")]
    pub(crate) fn key<'a>(&'a self, upstream: super::Upstream<'a>) -> super::Key<'a> {
        super::Key { role: self.role, method: self.method, upstream, route: self.route.as_deref() }
    }

    /// Which side of the call we are on.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The method; `_OTHER` stands for all that HTTP does not register.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.method.as_str()
    }

    /// The route template (server) or URL template (client).
    #[must_use]
    pub fn route(&self) -> Option<&str> {
        self.route.as_deref()
    }

    /// The upstream; client only.
    #[must_use]
    pub fn upstream(&self) -> Option<&str> {
        self.upstream.as_deref()
    }
}

impl fmt::Display for EndpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, method, route, upstream } = self;
        write!(f, "{role} {} {}", method.as_str(), Word(route.as_deref()))?;
        match role {
            Role::Server => Ok(()),
            Role::Client => write!(f, " of {}", Word(upstream.as_deref())),
        }
    }
}

impl fmt::Debug for EndpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndpointName({self})")
    }
}

/// A text as one word; `-` where there is none.
struct Word<'a>(Option<&'a str>);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Some(text)) = self else { return f.write_char('-') };
        if *text == "-" {
            return f.write_str("%2D");
        }
        text.chars().try_for_each(|character| {
            if character != '%' && !character.is_whitespace() && !character.is_control() {
                return f.write_char(character);
            }
            let mut bytes = [0; 4];
            character.encode_utf8(&mut bytes).bytes().try_for_each(|byte| write!(f, "%{byte:02X}"))
        })
    }
}

/// Why a text is no [`EndpointName`]. Its message holds the text, and what would be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointNameError {
    text: Box<str>,
    wrong: &'static str,
}

impl fmt::Display for EndpointNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, wrong } = self;
        write!(
            f,
            "{text:?} names no endpoint: {wrong}; write `server METHOD ROUTE` or `client METHOD TEMPLATE of UPSTREAM`, \
             with `-` for what is absent"
        )
    }
}

impl Error for EndpointNameError {}

impl FromStr for EndpointName {
    type Err = EndpointNameError;

    fn from_str(text: &str) -> Result<Self, EndpointNameError> {
        parse(text).map_err(|wrong| EndpointNameError { text: text.into(), wrong })
    }
}

fn parse(text: &str) -> Result<EndpointName, &'static str> {
    let mut words = text.split_ascii_whitespace();
    let mut word = || words.next().ok_or("it ends early");
    let role = match word()? {
        "server" => Role::Server,
        "client" => Role::Client,
        _ => return Err("it does not begin with `server` or `client`"),
    };
    let method = match word()? {
        "_OTHER" => MethodClass::Other,
        method => MethodClass::named(method).ok_or("its second word is no registered method, nor `_OTHER`")?,
    };
    let route = read(word()?)?;
    let upstream = match role {
        Role::Server => None,
        Role::Client if word()? == "of" => read(word()?)?,
        Role::Client => return Err("a client's has `of UPSTREAM` at its end"),
    };
    match words.next() {
        None => Ok(EndpointName { role, method, route, upstream }),
        Some(_) => Err("it has too many words"),
    }
}

/// The text that a word stands for.
fn read(word: &str) -> Result<Option<Box<str>>, &'static str> {
    if word == "-" {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        match (digit(), digit()) {
            (Some(high), Some(low)) => bytes.push((high << 4 | low).to_le_bytes()[0]),
            _ => return Err("a `%` is not followed by two hexadecimal digits"),
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8 once `%` is read")?;
    Ok(Some(text.into()))
}

#[cfg(test)]
mod tests {
    use super::super::{Key, Upstream};
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> EndpointName {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_is_of_one_endpoint() {
        let upstream = Upstream { name: Some("stock"), port: Some(81) };
        let key = Key { role: Role::Client, method: MethodClass::Get, upstream, route: Some("/sku/{id}") };
        let endpoint = Endpoint::new(&key);
        let named = EndpointName::of(&endpoint).unwrap();
        assert_eq!(named.to_string(), "client GET /sku/{id} of stock:81");
        assert!(named.is_of(&endpoint));
        for other in ["client GET /sku/{id} of stock", "client PUT /sku/{id} of stock:81", "server GET /sku/{id}"] {
            assert!(!name(other).is_of(&endpoint), "{other}");
        }
        assert_eq!(EndpointName::of(&Endpoint::overflow(Role::Client)), None);
        assert!(!name("client _OTHER - of -").is_of(&Endpoint::overflow(Role::Client)));
    }

    #[test]
    fn what_is_absent_is_a_dash_and_a_dash_is_not_absent() {
        assert_eq!((name("client GET - of -").route(), name("client GET - of -").upstream()), (None, None));
        assert_eq!(name("server GET %2D").route(), Some("-"));
        assert_eq!(name("server GET %2D").to_string(), "server GET %2D");
    }

    #[test]
    fn what_names_nothing_says_why() {
        for (text, wrong) in [
            ("", "ends early"),
            ("GET /x", "does not begin"),
            ("server BREW /x", "no registered method"),
            ("server GET /x of y", "too many words"),
            ("client GET /x", "ends early"),
            ("client GET /x at y", "has `of UPSTREAM`"),
            ("server GET /%zz", "two hexadecimal digits"),
            ("server GET /%ff", "not UTF-8"),
        ] {
            let said = text.parse::<EndpointName>().unwrap_err().to_string();
            assert!(said.contains(wrong) && said.contains(&format!("{text:?}")), "{said}");
        }
    }

    proptest! {
        #[test]
        fn every_name_reads_back(route: Option<String>, upstream: Option<String>, server: bool) {
            let filled = |text: Option<String>| text.filter(|text| !text.is_empty()).map(Into::into);
            let role = if server { Role::Server } else { Role::Client };
            let upstream = filled(upstream).filter(|_| !server);
            let name = EndpointName { role, method: MethodClass::Put, route: filled(route), upstream };
            prop_assert_eq!(name.to_string().parse(), Ok(name));
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = text.parse::<EndpointName>();
        }
    }
}
