//! Since which version, over a restart: of the upstream, and of our own.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use plimsoll::detect::{DetectorBuilder, Finding};
use plimsoll::{Role, Route, ServerLayer};
use tower::{Layer, ServiceExt, service_fn};

use crate::versions::{GROWN, USUAL, finding, versions};
use crate::world::{PERIOD, TICK, World, found};

#[test]
fn what_an_upstream_ran_before_a_restart_is_known_after_it() {
    let mut world = World::new();
    world.period(USUAL);
    world.period(USUAL);
    let began = world.time.clock().now() - TICK * (2 * PERIOD as u32 / 50);
    let saved = world.detector.saved();

    let mut unchanged = world.restart(|detector| detector.begin_with(saved.clone()));
    let grown = finding(&mut unchanged, GROWN);
    assert_eq!((versions(&grown), grown.version_since), ((Some("2.30.0"), Some("2.30.0")), Some(began)));

    let mut deployed = world.restart(|detector| detector.begin_with(saved));
    let grown = finding(&mut deployed, GROWN.version("2.31.0"));
    assert_eq!(versions(&grown), (Some("2.30.0"), Some("2.31.0")), "the version before was another process's to see");
}

/// Answers with this many bytes, ten times, and ticks; what is found.
fn serve(world: &World, bytes: usize) -> Vec<Finding> {
    let inner = service_fn(move |_: Request<_>| async move {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(vec![b'x'; bytes]))))
    });
    let server = ServerLayer::new(&world.ledger).layer(inner);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for _ in 0..10 {
        let request = Request::get("/").extension(Route("/orders")).body(Full::<Bytes>::default()).unwrap();
        runtime.block_on(async { server.clone().oneshot(request).await.unwrap().into_body().collect().await.unwrap() });
    }
    world.time.advance(TICK);
    found(&world.detector.tick())
}

fn of_version(version: &'static str) -> impl Fn(DetectorBuilder) -> DetectorBuilder {
    move |detector| detector.service_version(version)
}

/// A service that runs since weeks used to blame the version that it was deployed with, and name the one before.
#[test]
fn our_own_answers_name_the_version_of_ours_that_ran_before_them() {
    let old = World::with(of_version("1.4.0"));
    for _ in 0..2 * PERIOD / 10 {
        assert_eq!(serve(&old, 8_000), []);
    }
    let deploy = |version| old.restart(|detector| of_version(version)(detector.begin_with(old.detector.saved())));
    let until_found = |world: &World| (0..10).map(|_| serve(world, 60_000)).find(|found| !found.is_empty()).unwrap();

    let new = deploy("1.5.0");
    let grown = &until_found(&new)[0];
    assert_eq!((grown.endpoint.role(), versions(grown)), (Role::Server, (Some("1.4.0"), Some("1.5.0"))));

    let new = deploy("1.5.0");
    (0..20).for_each(|_| assert_eq!(serve(&new, 8_000), []));
    assert_eq!(versions(&until_found(&new)[0]), (Some("1.5.0"), Some("1.5.0")), "it has run well for a while");

    let saved = new.detector.saved();
    new.time.advance(Duration::from_secs(5));
    let back = new.restart(|detector| of_version("1.4.0")(detector.begin_with(saved)));
    assert_eq!(back.detector.findings(), [], "those of before are there once there is traffic");
    assert!(back.detector.saved().to_toml().contains("[\"1.5.0\", "), "the order in which they ran");
}
