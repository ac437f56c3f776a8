//! What we say of ourselves, held against what was found.

use plimsoll_peers::{Case, Exchange, Setting};

use crate::measured::Measured;

/// Instructions a request that everything on may add to a plain tower service.
const MOST_INSTRUCTIONS: f64 = 1_160.0;
/// Allocations a request that it may add there.
const MOST_ALLOCATIONS: f64 = 0.0;
/// Allocations a request that it may add to a no-op layer in a router: axum's boxes, one for each body.
const MOST_ALLOCATIONS_IN_AXUM: f64 = 2.0;
/// How many times of our instructions those layers must take that people measure with today.
const TIMES_OURS: [(&str, f64); 3] =
    [(Case::INSTRUMENTATION, 15.0), (Case::PROMETHEUS, 10.5), (Case::PROMETHEUS_SIZES, 11.0)];
/// How many times of tower-http's limit a body may take, which holds one body and records nothing.
const TIMES_LIMIT: f64 = 1.9;

/// Those that measure sizes, and whether they count what passes: the others read headers and hints, so that theirs do
/// not grow with frames.
const MEASURING: [(Setting, &str, bool); 7] = [
    (Setting::Tower, Case::TOWER_OTEL, false),
    (Setting::Tower, Case::INSTRUMENTATION, false),
    (Setting::Tower, Case::PROMETHEUS_SIZES, true),
    (Setting::Axum, Case::TOWER_OTEL, false),
    (Setting::Axum, Case::AXUM_OTEL, false),
    (Setting::Axum, Case::INSTRUMENTATION, false),
    (Setting::Axum, Case::PROMETHEUS_SIZES, true),
];

/// A bound, and what was found.
struct Claim {
    what: String,
    found: f64,
    most: f64,
}

/// What does not hold, of all that was measured with these exchanges.
pub(crate) fn broken(measured: &Measured, exchanges: &[Exchange]) -> Vec<String> {
    let claims = exchanges.iter().flat_map(|exchange| {
        let of_this = claims(measured, *exchange).into_iter();
        of_this.map(|Claim { what, found, most }| (format!("{}: {what}", describe(exchange)), found, most))
    });
    let broken = claims.filter(|(_, found, most)| found > most);
    broken.map(|(what, found, most)| format!("{what}: {found:.0}, and may be {most:.0}")).collect()
}

fn claims(measured: &Measured, exchange: Exchange) -> Vec<Claim> {
    let of = |setting, name| measured.over_bare(setting, name, exchange);
    let ours = |setting| of(setting, Case::EVERYTHING);
    let frames = exchange.question.frames.max(exchange.answer.frames);
    let instructions = ours(Setting::Tower).instructions;
    let mut claims = Vec::new();
    let mut claim = |what: String, found, most| claims.push(Claim { what, found, most });

    if exchange == Exchange::USUAL {
        claim("instructions".into(), instructions, MOST_INSTRUCTIONS);
    }
    // axum's own limit is another box where ours allows more.
    let usual_limit = exchange.request_limit() == Exchange::USUAL.request_limit();
    if usual_limit {
        claim("allocations".into(), ours(Setting::Tower).allocations, MOST_ALLOCATIONS);
        let boxes = ours(Setting::Axum).allocations - of(Setting::Axum, Case::NO_OP).allocations;
        claim("allocations over a no-op layer in a router".into(), boxes, MOST_ALLOCATIONS_IN_AXUM);
    }
    if frames <= 1 && usual_limit {
        for (peer, times) in TIMES_OURS {
            let theirs = of(Setting::Tower, peer).instructions;
            claim(format!("instructions beside {peer}"), instructions, theirs / times);
        }
    }
    for (setting, peer, counts) in MEASURING {
        if counts || frames <= 8 {
            let what = format!("instructions beside {peer}, {}", setting.title());
            claim(what, ours(setting).instructions, of(setting, peer).instructions);
        }
    }
    if exchange == Exchange::USUAL {
        let limit = of(Setting::Tower, Case::LIMIT).instructions;
        claim(format!("instructions a body beside {}", Case::LIMIT), instructions / 2.0, TIMES_LIMIT * limit);
    }
    claims
}

fn describe(Exchange { question, answer, endpoints }: &Exchange) -> String {
    let on = if *endpoints == 1 { String::new() } else { format!(", {endpoints} endpoints") };
    if question == answer {
        format!("bodies of {answer}{on}")
    } else {
        format!("{question} asked, {answer} answered{on}")
    }
}
