//! The contract: the gate in `cargo test` that a pull request has to pass.
//!
//! A contract is a committed file of sizes. A test runs the service, and holds what its ledger then says against the
//! file: a body that is more than twice as large as agreed fails the test, with a table of what grew and how to accept
//! it. To accept is to run the tests once more with a reason; that changes the file, and those who own the file (as
//! `CODEOWNERS` has it) read the old size, the new one and the reason before it is merged.
//!
//! ```
//! use plimsoll::contract::Acceptance;
//! use plimsoll::{Contract, Ledger, Measured};
//! # use http_body_util::{BodyExt, Full};
//! # use plimsoll::{Route, ServerLayer};
//! # use tower::{Layer, ServiceExt, service_fn};
//!
//! # let directory = std::env::temp_dir().join(format!("plimsoll-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&directory)?;
//! # let path = directory.join("plimsoll.contract.toml");
//! # let answer = async |size: usize| -> Ledger {
//! #     let ledger = Ledger::new();
//! #     let service = ServerLayer::new(&ledger).layer(service_fn(move |_| async move {
//! #         Ok::<_, std::convert::Infallible>(http::Response::new(Full::<bytes::Bytes>::from(vec![0; size])))
//! #     }));
//! #     let mut request = http::Request::new(Full::<bytes::Bytes>::default());
//! #     request.extensions_mut().insert(Route("/inventory/{sku}"));
//! #     let _ = service.oneshot(request).await.unwrap().into_body().collect().await;
//! #     ledger
//! # };
//! # let run = |size| tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(answer(size));
//! // In a test: `Contract::open("tests/plimsoll.contract.toml")?`. `PLIMSOLL_ACCEPT="first sizes" cargo test` makes it.
//! let ledger = run(8_421); // the requests of your test, through your layers
//! Contract::open_with(&path, Acceptance::because("first sizes")?)?.check(&ledger.snapshot())?;
//!
//! // The same again passes; as does up to twice of it.
//! let contract = Contract::open_with(&path, Acceptance::no())?;
//! contract.check(&run(16_842).snapshot())?.result()?;
//!
//! // More does not, and the error is the table.
//! let error = contract.check(&run(84_899).snapshot())?.result().expect_err("it is ten times as large");
//! let text = error.to_string();
//! assert!(text.contains("server GET /inventory/{sku}, response 2xx  8,421  84,899   10.09      2.0  grown  FAILS"));
//! assert!(text.contains("PLIMSOLL_ACCEPT="));
//!
//! // Sizes by hand, of a serialised fixture for instance, are compared by their name.
//! let mut measured = Measured::from(&run(8_421).snapshot());
//! measured.record("an order of three articles", 812);
//! assert_eq!(contract.check(measured)?.changes().len(), 1); // it is new, which is told, and fails only where asked
//! # std::fs::remove_dir_all(&directory)?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is compared
//!
//! Like with like, and medians with medians: of each endpoint, direction, class of status codes and
//! [`View`](crate::View) that passed a layer in the test, and of each fixture by its name. Single answers of an endpoint
//! differ by more than any useful factor, in normal traffic as in tests.
//!
//! - **Grown** is what is larger than the factor allows, [2.0](Contract::allowed) unless you say otherwise, and above a
//!   [floor](Contract::floor) of 1 KiB. Exactly twice passes: sizes are whole numbers, and compared as such. Where a ledger
//!   leaves a [`Median`] open by a bucket (4.4 %), the doubt is the code's: a true 2.0 always passes, and from 2.09 on
//!   everything fails.
//! - **Shrunk** is what is smaller by more than the factor. It is reported and fails nothing: accept it, or the next pull
//!   request may grow it back unseen.
//! - **New** and **vanished** are reported as well, and fail where [asked for](Contract::fail_on_new).
//! - What is reported is in the [`Verdict`], and where `PLIMSOLL_REPORT` names a file, in that: `$GITHUB_STEP_SUMMARY`, for
//!   instance. What a passing test prints is shown to nobody.
//! - Sizes in between leave the file as it is. So it changes only with a reason, and growing in small steps ends where one
//!   large step would.
//!
//! A body counts when its owner lets go of it: on a server that may be after the caller has read all of it. Wait until the
//! ledger holds what you expect, as `examples/pull_request.rs` does.
//!
//! Name the upstreams of your client layers: without a name it is host and port, and a test's port is another each time.
//!
//! Bodies that a limit refused count by what they declared: a limit hides nothing from the gate. Where a refusal would end
//! the test before the table can be shown, let limits warn in it: [`Ledger::set_enforcement`](crate::Ledger::set_enforcement).
//!
//! By how much an endpoint may grow can be said in code, or in the policy that its limits and alerts come from
//! ([`Contract::policy`]).
//!
//! # Accepting
//!
//! `PLIMSOLL_ACCEPT="why" cargo test` writes what changed: the file is sorted, the same to the byte for the same content,
//! and keeps for each entry the reason and the size before. It is replaced as a whole. Tests and test binaries that run
//! at once take turns by a file lock, and each changes only its own entries, so none is lost; give each test that
//! checks the same file a [suite](Contract::suite) of its own. Where `CI` is set nothing is accepted, and a contract that
//! is missing is an error everywhere, which says how to make it.
//!
//! A line in `CODEOWNERS` asks the right people: `tests/plimsoll.contract.toml @team-checkout`. They see old and new size
//! in the pull request; `plimsoll diff OLDER NEWER` makes a table of it ([`Contract::diff`]).

mod acceptance;
mod book;
mod difference;
mod error;
mod factor;
mod gate;
mod measured;
mod median;
mod rules;
mod subject;
mod table;
mod verdict;

pub use acceptance::Acceptance;
pub use difference::Difference;
pub use error::ContractError;
pub use factor::{Factor, FactorError};
pub use gate::Contract;
pub use measured::Measured;
pub use median::Median;
pub use subject::{StatusClass, Subject};
pub use verdict::{Change, ChangeKind, Verdict};
