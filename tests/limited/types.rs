//! A metered body is `Send`, `Sync` and `Unpin` exactly where the body in it is.

use std::cell::Cell;
use std::marker::{PhantomData, PhantomPinned};
use std::rc::Rc;
use std::sync::MutexGuard;

use plimsoll::{ClientService, Error, Ledger, LimitExceeded, MeteredBody, ServerBody, ServerService};

fn send<T: Send>() {}
fn sync<T: Sync>() {}
fn unpin<T: Unpin>() {}

// For every body there can be, so that it compiles is the proof.
fn send_where_the_body_is<B: Send>() {
    send::<MeteredBody<B>>();
    send::<ServerBody<B>>();
}

fn sync_where_the_body_is<B: Sync>() {
    sync::<MeteredBody<B>>();
    sync::<ServerBody<B>>();
}

fn unpin_where_the_body_is<B: Unpin>() {
    unpin::<MeteredBody<B>>();
    unpin::<ServerBody<B>>();
}

#[test]
fn what_the_body_is_the_metered_one_is() {
    send_where_the_body_is::<Cell<u8>>();
    sync_where_the_body_is::<MutexGuard<'static, ()>>();
    unpin_where_the_body_is::<Rc<()>>();
}

#[test]
fn services_and_errors_go_where_their_users_need_them() {
    send::<ServerService<Cell<u8>>>();
    sync::<ServerService<MutexGuard<'static, ()>>>();
    send::<ClientService<Cell<u8>>>();
    sync::<ClientService<MutexGuard<'static, ()>>>();
    send::<(Ledger, Error, LimitExceeded)>();
    sync::<(Ledger, Error, LimitExceeded)>();
}

/// Asks whether a type implements a trait: the inherent constant hides the trait's where its bound holds.
struct Ask<T>(PhantomData<T>);

trait No {
    const SEND: bool = false;
    const SYNC: bool = false;
    const UNPIN: bool = false;
}

impl<T> No for Ask<T> {}

#[allow(dead_code, reason = "where the bound does not hold, it is not there")]
impl<T: Send> Ask<T> {
    const SEND: bool = true;
}

#[allow(dead_code, reason = "where the bound does not hold, it is not there")]
impl<T: Sync> Ask<T> {
    const SYNC: bool = true;
}

#[allow(dead_code, reason = "where the bound does not hold, it is not there")]
impl<T: Unpin> Ask<T> {
    const UNPIN: bool = true;
}

#[test]
fn what_the_body_is_not_the_metered_one_is_not() {
    let asked = [
        ("an Rc is not Send", Ask::<MeteredBody<Rc<()>>>::SEND, Ask::<ServerBody<Rc<()>>>::SEND),
        ("a Cell is not Sync", Ask::<MeteredBody<Cell<u8>>>::SYNC, Ask::<ServerBody<Cell<u8>>>::SYNC),
        (
            "a pinned one is not Unpin",
            Ask::<MeteredBody<PhantomPinned>>::UNPIN,
            Ask::<ServerBody<PhantomPinned>>::UNPIN,
        ),
    ];
    for (what, metered, server) in asked {
        assert!(!metered && !server, "{what}");
    }
    // And the question can be answered with yes.
    let yes = (Ask::<MeteredBody<u8>>::SEND, Ask::<MeteredBody<u8>>::SYNC, Ask::<MeteredBody<u8>>::UNPIN);
    assert_eq!(yes, (true, true, true));
}
