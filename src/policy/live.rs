//! The policy of a running service: layers take their limits from it, and it can be swapped.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::declaration::{EndpointPolicy, Policy};
use super::error::PolicyError;
use crate::client::{ClientLayer, host_and_port};
use crate::endpoint::{Endpoint, EndpointName, Key, MethodClass, Upstream};
use crate::limit::BodyLimits;
use crate::server::ServerLayer;

/// A policy that layers hold bodies against, and that can be swapped while they do. A clone is a handle to the same.
///
/// A swap drops nothing: a call has its limits from its beginning, those that begin after the swap have the new ones,
/// and counts go on in the ledger. A [detector](crate::detect::DetectorBuilder::policy) follows at its next tick. No lock
/// is taken to look a limit up.
///
/// ```
/// use plimsoll::policy::{EndpointPolicy, Policy, PolicyHandle};
/// use plimsoll::{ClientLayer, KIB, Ledger, Limit};
///
/// let name: plimsoll::EndpointName = "client GET /inventory/{sku} of inventory".parse()?;
/// let limited = |bytes| {
///     let endpoint = EndpointPolicy::new().response(Limit::reject_over(bytes));
///     Policy::new("checkout", "team-checkout").endpoint(name.clone(), endpoint)
/// };
/// let handle = PolicyHandle::new(limited(64 * KIB));
/// let layer = ClientLayer::new(&Ledger::new()).upstream("inventory").policy(&handle);
///
/// // On SIGHUP, on a timer, from an admin route: a file that is not valid leaves all as it was.
/// assert!(handle.reload("no/such/policy.toml").is_err());
/// handle.swap(limited(128 * KIB));
/// assert_eq!(*handle.policy(), limited(128 * KIB));
/// # let _ = layer;
/// # Ok::<_, plimsoll::EndpointNameError>(())
/// ```
#[derive(Clone)]
pub struct PolicyHandle(Arc<ArcSwap<Current>>);

struct Current {
    policy: Arc<Policy>,
    /// How many came before it.
    swaps: u64,
    limits: LimitTable,
}

impl PolicyHandle {
    /// Begins with this policy.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(Current::new(policy, 0))))
    }

    /// Puts another policy in its place, for all calls that begin from now on.
    pub fn swap(&self, policy: Policy) {
        let policy = Arc::new(policy);
        self.0.rcu(|before| Current::new(Arc::clone(&policy), before.swaps.wrapping_add(1)));
    }

    /// Puts the policy of this file in its place.
    ///
    /// # Errors
    ///
    /// Those of [`Policy::load`]; then the policy that stands stays.
    pub fn reload(&self, path: impl AsRef<Path>) -> Result<(), PolicyError> {
        Policy::load(path).map(|policy| self.swap(policy))
    }

    /// The policy that stands now.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.0.load().policy)
    }

    /// How many times it was swapped.
    pub(super) fn swaps(&self) -> u64 {
        self.0.load().swaps
    }

    #[inline]
    pub(crate) fn limits(&self, key: &Key<'_>) -> Option<BodyLimits> {
        let current = self.0.load();
        let found = current.limits.get(key);
        if key.method != MethodClass::Head {
            return found;
        }
        let of_get = current.limits.get(&Key { method: MethodClass::Get, ..*key });
        found.into_iter().chain(of_get).reduce(BodyLimits::or)
    }
}

impl fmt::Debug for PolicyHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PolicyHandle").field(&self.policy()).finish()
    }
}

impl From<&Self> for PolicyHandle {
    fn from(handle: &Self) -> Self {
        handle.clone()
    }
}

/// A handle of its own, which nobody else swaps.
impl From<&Policy> for PolicyHandle {
    fn from(policy: &Policy) -> Self {
        Self::new(policy.clone())
    }
}

impl Current {
    fn new(policy: impl Into<Arc<Policy>>, swaps: u64) -> Self {
        let policy = policy.into();
        Self { limits: LimitTable::new(&policy), policy, swaps }
    }
}

impl ServerLayer {
    /// Takes the limits of single endpoints from this policy, as it stands when a request comes.
    ///
    /// They hold in place of those of the layer and of [`limits_for`](Self::limits_for); a request's own
    /// [`BodyLimits`] win over them.
    pub fn policy(self, policy: &PolicyHandle) -> Self {
        self.set(|config| config.settings.policy = Some(policy.clone()))
    }
}

impl ClientLayer {
    /// Takes the limits of single endpoints from this policy, as it stands when a call begins.
    ///
    /// They hold in place of those of the layer and of [`limits_for`](Self::limits_for); a request's own
    /// [`BodyLimits`] win over them. The upstream is part of an endpoint here, so one policy serves all clients.
    pub fn policy(self, policy: &PolicyHandle) -> Self {
        self.set(|config| config.settings.policy = Some(policy.clone()))
    }
}

/// The limits of endpoints, found without a copy of the key.
struct LimitTable {
    state: foldhash::fast::RandomState,
    /// At least twice as many as there are endpoints, so that a search ends; a power of two.
    slots: Box<[Option<(u64, Endpoint, BodyLimits)>]>,
}

impl LimitTable {
    fn new(policy: &Policy) -> Self {
        let limited = || policy.endpoints.iter().filter(|(_, endpoint)| endpoint.limits != BodyLimits::new());
        let size = match limited().count() {
            0 => 0,
            count => count.saturating_mul(2).next_power_of_two(),
        };
        let mut table = Self { state: Default::default(), slots: vec![None; size].into() };
        limited().for_each(|(name, endpoint)| table.insert(name, endpoint));
        table
    }

    fn insert(&mut self, name: &EndpointName, endpoint: &EndpointPolicy) {
        let (host, port) = name.upstream().map_or((None, None), |upstream| {
            let (host, port) = host_and_port(upstream);
            (Some(host), port)
        });
        let key = name.key(Upstream::new(host, port));
        let hash = key.hash_with(&self.state);
        let free = self.indices(hash).find(|index| matches!(self.slots.get(*index), Some(None)));
        if let Some(slot) = free.and_then(|index| self.slots.get_mut(index)) {
            *slot = Some((hash, Endpoint::new(&key), endpoint.limits_held()));
        }
    }

    #[inline]
    fn get(&self, key: &Key<'_>) -> Option<BodyLimits> {
        if self.slots.is_empty() {
            return None;
        }
        let wanted = key.hash_with(&self.state);
        for index in self.indices(wanted) {
            let (hash, endpoint, limits) = self.slots.get(index)?.as_ref()?;
            if *hash == wanted && endpoint.matches(key) {
                return Some(*limits);
            }
        }
        None
    }

    /// Every slot once, beginning where this hash belongs.
    #[inline]
    fn indices(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let mask = self.slots.len().wrapping_sub(1);
        #[allow(clippy::cast_possible_truncation, reason = "only the low bits are used")]
        let first = hash as usize;
        (0..self.slots.len()).map(move |step| first.wrapping_add(step) & mask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Role;
    use crate::limit::Limit;
    use http::Method;
    use proptest::prelude::*;

    #[test]
    fn a_limit_is_found_by_every_part_of_its_endpoint() {
        let upstream = |name: &'static str| {
            let (host, port) = host_and_port(name);
            Upstream::new(Some(host), port)
        };
        let of = |name: &str, bytes| {
            (name.parse::<EndpointName>().unwrap(), EndpointPolicy::new().response(Limit::warn_over(bytes)))
        };
        let named = [
            of("client GET /a of x", 1),
            of("client GET /a of x:80", 2),
            of("client GET /a of [::1]:80", 3),
            of("client PUT /a of x", 4),
            of("client GET - of x", 5),
            of("server GET /a", 6),
            of("client GET /a of -", 7),
        ];
        let policy = named.into_iter().fold(Policy::new("s", "o"), |policy, (name, said)| policy.endpoint(name, said));
        let handle = PolicyHandle::new(policy);
        let get = |role, method, upstream, route| {
            let found = handle.limits(&Key::new(role, &method, upstream, route));
            found.and_then(|limits| limits.response_limit()?.warns_over())
        };
        let client = |method, upstream, route| get(Role::Client, method, upstream, route);
        assert_eq!(client(Method::GET, upstream("x"), Some("/a")), Some(1));
        assert_eq!(client(Method::GET, upstream("x:80"), Some("/a")), Some(2));
        assert_eq!(client(Method::GET, upstream("[::1]:80"), Some("/a")), Some(3));
        assert_eq!(client(Method::PUT, upstream("x"), Some("/a")), Some(4));
        assert_eq!(client(Method::HEAD, upstream("x"), Some("/a")), Some(1), "what holds GET holds HEAD");
        assert_eq!(client(Method::POST, upstream("x"), Some("/a")), None);
        assert_eq!(client(Method::GET, upstream("x"), None), Some(5));
        assert_eq!(get(Role::Server, Method::GET, Upstream::default(), Some("/a")), Some(6));
        assert_eq!(client(Method::GET, Upstream::default(), Some("/a")), Some(7));
        assert_eq!(client(Method::GET, upstream("y"), Some("/a")), None);
        assert_eq!(client(Method::GET, upstream("x"), Some("/b")), None);
        handle.swap(Policy::new("s", "o"));
        assert_eq!(client(Method::GET, upstream("x"), Some("/a")), None);
    }

    proptest! {
        #[test]
        fn of_any_number_of_endpoints_each_is_found(count in 0usize..200) {
            let routes: Vec<_> = (0..count).map(|index| format!("/r{index}")).collect();
            let policy = routes.iter().enumerate().fold(Policy::new("s", "o"), |policy, (index, route)| {
                let endpoint = EndpointPolicy::new().request(Limit::warn_over(index as u64));
                policy.endpoint(format!("server PUT {route}").parse().unwrap(), endpoint)
            });
            let handle = PolicyHandle::new(policy);
            let get = |route| handle.limits(&Key::new(Role::Server, &Method::PUT, Upstream::default(), Some(route)));
            for (index, route) in routes.iter().enumerate() {
                prop_assert_eq!(get(route), Some(BodyLimits::new().request(Limit::warn_over(index as u64))));
            }
            prop_assert_eq!(get("/other"), None);
        }
    }
}
