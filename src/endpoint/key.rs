//! What an endpoint is looked up by: borrowed from the request, hashed and compared without a copy.

use std::hash::{BuildHasher, Hasher};

use http::Method;

use super::{MethodClass, Role};
use crate::sync::HashState;

/// An endpoint before it is looked up: borrows all it can from the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'a> {
    pub(crate) role: Role,
    pub(crate) method: MethodClass,
    pub(crate) upstream: Upstream<'a>,
    pub(crate) route: Option<&'a str>,
}

/// The upstream of a client call: a name given to it, or the host and port that it is called at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Upstream<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) port: Option<u16>,
}

impl<'a> Upstream<'a> {
    /// An empty name is none: to a metrics backend, an empty label is one that is not there.
    #[inline]
    pub(crate) fn new(name: Option<&'a str>, port: Option<u16>) -> Self {
        match name {
            Some(name) if !name.is_empty() => Self { name: Some(name), port },
            _ => Self::default(),
        }
    }
}

impl<'a> Key<'a> {
    #[inline]
    pub(crate) fn new(role: Role, method: &Method, upstream: Upstream<'a>, route: Option<&'a str>) -> Self {
        let route = route.filter(|route| !route.is_empty());
        Self { role, method: MethodClass::of(method), upstream, route }
    }

    /// The memory that an endpoint takes for the text of this key, in bytes: the upstream's stands there twice.
    #[inline]
    pub(crate) fn text_bytes(&self) -> usize {
        let length = |text: Option<&str>| text.map_or(0, str::len);
        const PORT: usize = ":65535".len();
        length(self.upstream.name).saturating_mul(2).saturating_add(PORT).saturating_add(length(self.route))
    }

    /// Role, method and port as one number.
    #[inline(always)]
    pub(super) fn tag(&self) -> u64 {
        let Key { role, method, upstream, .. } = *self;
        let port = upstream.port.map_or(0, |port| u64::from(port) << 16 | 1 << 32);
        port | (role as u64) << 8 | method as u64
    }

    #[inline(always)]
    pub(crate) fn hash_with(&self, state: &HashState) -> u64 {
        let Key { upstream, route, .. } = *self;
        let mut hasher = state.build_hasher();
        hasher.write_u64(self.tag());
        if let Some(name) = upstream.name {
            hasher.write(name.as_bytes());
        }
        if let Some(route) = route {
            hasher.write(route.as_bytes());
        }
        hasher.finish()
    }
}
