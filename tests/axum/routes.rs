//! Which route a body is counted under, by where the layer stands. Never is it the raw path.

use std::borrow::Cow;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{Extensions, Method, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use plimsoll::{Ledger, ServerLayer};
use tower::{Layer, ServiceBuilder, ServiceExt};

use crate::ask;
use crate::support::book::{book, book_reads};
use crate::support::protocol::Protocol;
use crate::support::wire::serve;

async fn hello() -> &'static str {
    "hello"
}

#[tokio::test]
async fn on_the_router_every_route_is_known_by_its_template() {
    let ledger = Ledger::new();
    let app = Router::new()
        .route("/users/{id}", get(hello).post(hello))
        .route("/files/{*path}", get(hello))
        .layer(ServerLayer::new(&ledger));

    ask(&app, Method::GET, "/users/4711", ()).await;
    ask(&app, Method::POST, "/users/4712", "12345").await;
    ask(&app, Method::GET, "/files/a/b/c", ()).await;
    assert_eq!(
        book(&ledger),
        [
            "server request GET /files/{*path}: 1 complete, 0 B",
            "server response GET /files/{*path} 200: 1 complete, 5 B",
            "server request GET /users/{id}: 1 complete, 0 B",
            "server response GET /users/{id} 200: 1 complete, 5 B",
            "server request POST /users/{id}: 1 unread, 0 B",
            "server response POST /users/{id} 200: 1 complete, 5 B",
        ]
    );
}

#[tokio::test]
async fn on_the_router_a_404_has_no_route_and_a_405_has_its_own() {
    let ledger = Ledger::new();
    let app = Router::new().route("/users/{id}", get(hello)).layer(ServerLayer::new(&ledger));

    assert_eq!(ask(&app, Method::GET, "/nothing/here", ()).await.0, 404);
    assert_eq!(ask(&app, Method::PUT, "/users/4711", ()).await.0, 405);
    assert_eq!(
        book(&ledger),
        [
            "server request GET (no route): 1 complete, 0 B",
            "server response GET (no route) 404: 1 complete, 0 B",
            "server request PUT /users/{id}: 1 complete, 0 B",
            "server response PUT /users/{id} 405: 1 complete, 0 B",
        ]
    );
}

#[tokio::test]
async fn a_fallback_is_metered_without_a_route_however_many_paths_it_answers() {
    let ledger = Ledger::new();
    let app = Router::new().route("/", get(hello)).fallback(hello).layer(ServerLayer::new(&ledger));

    for path in ["/a", "/b", "/c/d"] {
        assert_eq!(ask(&app, Method::GET, path, ()).await.1, "hello");
    }
    assert_eq!(
        book(&ledger),
        ["server request GET (no route): 3 complete, 0 B", "server response GET (no route) 200: 3 complete, 15 B",]
    );
}

#[tokio::test]
async fn as_a_route_layer_it_sees_routes_only() {
    let ledger = Ledger::new();
    let app = Router::new().route("/users/{id}", get(hello)).route_layer(ServerLayer::new(&ledger));

    ask(&app, Method::GET, "/users/4711", ()).await;
    assert_eq!(ask(&app, Method::GET, "/nothing/here", ()).await.0, 404);
    assert_eq!(
        book(&ledger),
        ["server request GET /users/{id}: 1 complete, 0 B", "server response GET /users/{id} 200: 1 complete, 5 B"]
    );
}

#[tokio::test]
async fn on_a_method_router_it_sees_its_methods_only() {
    let ledger = Ledger::new();
    let app = Router::new()
        .route("/users/{id}", get(hello).layer(ServerLayer::new(&ledger)).post(hello))
        .route("/other", get(hello));

    ask(&app, Method::GET, "/users/4711", ()).await;
    ask(&app, Method::POST, "/users/4711", ()).await;
    ask(&app, Method::GET, "/other", ()).await;
    assert_eq!(
        book(&ledger),
        ["server request GET /users/{id}: 1 complete, 0 B", "server response GET /users/{id} 200: 1 complete, 5 B"]
    );
}

#[tokio::test]
async fn nested_routes_are_known_in_full() {
    let ledger = Ledger::new();
    let api = Router::new().route("/users/{id}", get(hello));
    let outside = Router::new().nest("/api/{protocol:?}", api.clone()).layer(ServerLayer::new(&ledger));
    let inside = Router::new().nest("/inner", api.layer(ServerLayer::new(&ledger)));

    ask(&outside, Method::GET, "/api/v1/users/4711", ()).await;
    ask(&inside, Method::GET, "/inner/users/4711", ()).await;
    assert_eq!(
        book(&ledger),
        [
            "server request GET /api/{protocol:?}/users/{id}: 1 complete, 0 B",
            "server response GET /api/{protocol:?}/users/{id} 200: 1 complete, 5 B",
            "server request GET /inner/users/{id}: 1 complete, 0 B",
            "server response GET /inner/users/{id} 200: 1 complete, 5 B",
        ]
    );
}

#[tokio::test]
async fn a_nested_service_is_known_inside_it_only() {
    let ledger = Ledger::new();
    let api = || Router::new().route("/users/{id}", get(hello));
    let inside = Router::new().nest_service("/api", api().layer(ServerLayer::new(&ledger)));
    ask(&inside, Method::GET, "/api/users/4711", ()).await;
    assert_eq!(
        book(&ledger),
        [
            "server request GET /api/users/{id}: 1 complete, 0 B",
            "server response GET /api/users/{id} 200: 1 complete, 5 B"
        ]
    );

    let ledger = Ledger::new();
    let outside = Router::new().nest_service("/api", api()).layer(ServerLayer::new(&ledger));
    ask(&outside, Method::GET, "/api/users/4711", ()).await;
    assert_eq!(
        book(&ledger),
        ["server request GET (no route): 1 complete, 0 B", "server response GET (no route) 200: 1 complete, 5 B"]
    );
}

#[tokio::test]
async fn merged_routers_keep_a_layer_each() {
    let (shop, admin) = (Ledger::new(), Ledger::new());
    let app = Router::new()
        .merge(Router::new().route("/cart", get(hello)).layer(ServerLayer::new(&shop)))
        .merge(Router::new().route("/admin/{what}", get(hello)).layer(ServerLayer::new(&admin)));

    ask(&app, Method::GET, "/cart", ()).await;
    ask(&app, Method::GET, "/admin/users", ()).await;
    assert_eq!(
        book(&shop),
        ["server request GET /cart: 1 complete, 0 B", "server response GET /cart 200: 1 complete, 5 B"]
    );
    assert_eq!(
        book(&admin),
        ["server request GET /admin/{what}: 1 complete, 0 B", "server response GET /admin/{what} 200: 1 complete, 5 B"]
    );
}

/// `axum::serve` wants `Response<axum::body::Body>`, hence the last line of the stack.
#[tokio::test]
async fn around_the_whole_router_it_meters_everything_without_a_route() {
    for protocol in Protocol::BOTH {
        let client = protocol.reqwest();
        let ledger = Ledger::new();
        let router = Router::new().route("/users/{id}", post(async |body: String| body));
        let app = ServiceBuilder::new()
            .map_response(|response: Response<_>| response.map(Body::new))
            .layer(ServerLayer::new(&ledger))
            .service(router);
        let server = serve(app).await;

        let answer = client.post(format!("{server}/users/4711")).body("12345").send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "12345", "{protocol:?}");
        assert_eq!(client.get(format!("{server}/nothing")).send().await.unwrap().status(), 404, "{protocol:?}");
        book_reads(
            &ledger,
            &[
                "server request GET (no route): 1 complete, 0 B",
                "server response GET (no route) 404: 1 complete, 0 B",
                "server request POST (no route): 1 complete, 5 B",
                "server response POST (no route) 200: 1 complete, 5 B",
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn a_closure_names_routes_that_only_the_program_knows() {
    fn known<'a>(uri: &'a Uri, extensions: &'a Extensions) -> Option<Cow<'a, str>> {
        match extensions.get::<MatchedPath>() {
            Some(matched) => Some(matched.as_str().into()),
            None if uri.path().starts_with("/static/") => Some("/static/*".into()),
            None => None,
        }
    }

    let ledger = Ledger::new();
    let app =
        Router::new().route("/users/{id}", get(hello)).fallback(hello).layer(ServerLayer::new(&ledger).route(known));
    for path in ["/users/1", "/static/a.css", "/static/b.css", "/x"] {
        ask(&app, Method::GET, path, ()).await;
    }
    let answered: Vec<String> = book(&ledger).into_iter().filter(|line| line.contains("response")).collect();
    assert_eq!(
        answered,
        [
            "server response GET (no route) 200: 1 complete, 5 B",
            "server response GET /static/* 200: 2 complete, 10 B",
            "server response GET /users/{id} 200: 1 complete, 5 B",
        ]
    );
}

#[tokio::test]
async fn around_a_handler_as_a_service_it_needs_no_router() {
    let ledger = Ledger::new();
    let service = ServerLayer::new(&ledger).layer(axum::handler::HandlerWithoutStateExt::into_service(hello));
    let response = service.oneshot(Request::new(Body::from("12345"))).await.unwrap();
    assert_eq!(axum::body::to_bytes(Body::new(response.into_body()), 5).await.unwrap(), "hello");
    assert_eq!(
        book(&ledger),
        ["server request GET (no route): 1 unread, 0 B", "server response GET (no route) 200: 1 complete, 5 B"]
    );
}
