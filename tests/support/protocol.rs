//! The two protocols that everything is tried on, and reqwest clients that speak only one of them.

use http::{Method, Version};

/// Which HTTP a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    pub const BOTH: [Self; 2] = [Self::Http1, Self::Http2];

    pub fn version(self) -> Version {
        match self {
            Self::Http1 => Version::HTTP_11,
            Self::Http2 => Version::HTTP_2,
        }
    }

    /// A client that speaks nothing else, and goes through no proxy.
    pub fn reqwest(self) -> reqwest::Client {
        self.reqwest_builder().build().unwrap()
    }

    pub fn reqwest_builder(self) -> reqwest::ClientBuilder {
        let builder = reqwest::Client::builder().no_proxy();
        match self {
            Self::Http1 => builder.http1_only(),
            Self::Http2 => builder.http2_prior_knowledge(),
        }
    }
}

/// A `GET` of reqwest's.
pub fn get(url: &str) -> reqwest::Request {
    reqwest::Request::new(Method::GET, url.parse().unwrap())
}

/// A `POST` of reqwest's.
pub fn post(url: &str, body: impl Into<reqwest::Body>) -> reqwest::Request {
    let mut request = reqwest::Request::new(Method::POST, url.parse().unwrap());
    *request.body_mut() = Some(body.into());
    request
}
