//! The story: what is done in which order, what of it is printed, and what is claimed.

use std::net::SocketAddr;
use std::sync::Arc;

use plimsoll::detect::Finding;
use plimsoll::{Enforcement, Ledger, SizeDistribution};
use tokio::time::{Duration, Instant, sleep};

use crate::Result;
use crate::checkout::{LINE, Parse, Parsed, Refused};
use crate::detection::{Detection, LEARNED, PERIOD, TICK};
use crate::ending::{compare_counts, summary};
use crate::inventory::Config;
use crate::load::{Call, Kind, Load};
use crate::report::{Claims, Timeline, exact, heading, kb, line, lines, ms, of, quantile, tell_calls, times, wrapped};
use crate::scrape::{Page, STOCK, short, stock_series, trace_id};
use crate::telemetry::{Telemetry, describe, is_refusal};

/// How many checkouts each part of the story waits for.
const BEFORE: usize = 100;
const REFUSED: usize = 80;
const PASSED: usize = 60;
const AFTER: usize = 60;
/// Of those to learn from, how many for each tick.
const A_TICK: u32 = 30;

/// The two services, and what can be seen of them.
pub(crate) struct World {
    pub(crate) http: reqwest::Client,
    pub(crate) ledger: Ledger,
    pub(crate) parsed: Arc<Parsed>,
    pub(crate) telemetry: Telemetry,
    pub(crate) detection: Detection,
    pub(crate) inventory: SocketAddr,
    pub(crate) checkout: SocketAddr,
}

/// Tells the whole story; whether all that it claims happened.
pub(crate) async fn tell(world: &World) -> Result<bool> {
    let World { inventory, checkout, .. } = world;
    println!("inventory  http://{inventory}   GET /inventory/{{sku}}, GET /prices/{{sku}}");
    println!("checkout   http://{checkout}   POST /checkout, GET /cart/{{sku}}, GET /metrics");
    println!("the line   answers of inventory: {LINE}");
    println!(
        "detector   a tick every {TICK:?}, {PERIOD} bodies a period; by default 10 s and a week, since traffic has its"
    );
    println!("           days and its nights, and a false alarm costs more than a minute");

    let timeline = Timeline(Instant::now());
    learn(world, &timeline).await;
    let ticker = world.detection.start()?;
    let load = Load::start(&world.http, *checkout);
    let mut story = Story { world, load, timeline, claims: Claims::default(), parsed: Vec::new() };
    let usual = story.before().await;
    let (incident, after) = story.switch().await?;
    let finding = story.finding(&incident).await;
    story.meanwhile(&incident, &after);
    let evidence = story.metrics().await?;
    let passed = story.let_pass(&usual).await;
    story.roll_back(finding.as_ref()).await?;
    let Story { load, mut claims, mut parsed, .. } = story;
    drop(ticker);
    let calls = load.stop().await;
    parsed.extend(world.parsed.take(STOCK));
    compare_counts(world, &calls, &parsed, &mut claims);

    summary(&usual, &incident, finding.as_ref(), &evidence, &passed);
    heading("claims");
    Ok(claims.tell())
}

/// Two periods, as fast as they come: what the sizes are, and how they vary when nothing is wrong.
async fn learn(world: &World, timeline: &Timeline) {
    let World { http, detection, checkout, .. } = world;
    for _ in 0..LEARNED / A_TICK {
        Load::warm_up(http, *checkout, A_TICK).await;
        detection.tick();
    }
    timeline.now(format_args!("learned from 2 x {PERIOD} checkouts: a baseline, and a calm period over it"));
}

pub(crate) struct Story<'a> {
    pub(crate) world: &'a World,
    load: Load,
    pub(crate) timeline: Timeline,
    pub(crate) claims: Claims,
    /// All that the parser of `checkout` saw so far.
    parsed: Vec<Parse>,
}

/// The middle of what `POST /checkout` and the answers that it needs are like in one part of the story.
pub(crate) struct Normal {
    pub(crate) size: u64,
    pub(crate) parsing: Duration,
    pub(crate) checkout: Duration,
}

impl Normal {
    fn against(&self, usual: &Self) -> String {
        let size = times(self.size as f64, usual.size as f64);
        let parsing = times(self.parsing.as_secs_f64(), usual.parsing.as_secs_f64());
        let checkout = times(self.checkout.as_secs_f64(), usual.checkout.as_secs_f64());
        format!("{size} the bytes, {parsing} the time to parse; a checkout takes {checkout} the time")
    }
}

/// When the upstream was switched, and the calls refused since, in order, with when they were.
pub(crate) struct Incident {
    pub(crate) switched: Instant,
    pub(crate) refused: Vec<(Instant, Refused)>,
}

impl Story<'_> {
    async fn before(&mut self) -> Normal {
        let seen = self.load.flow(BEFORE, self.timeline.0).await;
        self.timeline.now("before");
        tell_calls(&seen);
        let stock = stock_series(&self.world.ledger);
        let sizes = stock.as_ref().map(|series| &series.completed);
        let median = sizes.and_then(|sizes| sizes.quantile(0.5)).unwrap_or(0);
        let largest = sizes.map_or(0, SizeDistribution::max);
        line("answers, by ledger", format!("median {}, largest {}", kb(median), kb(largest)));

        let over = stock.map_or(0, |series| series.over_limit);
        let small = over == 0 && (1..24_000).contains(&largest);
        let also = format!("largest {} bytes", exact(largest));
        self.claim_good("before, all is answered, far below the line", &seen, BEFORE, (small, also));
        self.normal(&seen)
    }

    async fn switch(&mut self) -> Result<(Incident, Vec<Call>)> {
        let switched = Instant::now();
        self.deploy(true).await?;
        let deployed = Instant::now();
        self.timeline.at(switched, "inventory deploys include_full_sku_details: true");
        let after = self.load.flow(REFUSED, deployed).await;

        let refused = self.refused();
        let log = self.world.telemetry.log();
        if let Some((ended, first)) = refused.first() {
            let Refused { size, limit, seen, endpoint, trace_id } = first;
            let late = ms(ended.duration_since(switched));
            self.timeline.at(*ended, format_args!("checkout refuses the first answer, {late} after the switch"));
            line("what", format!("{endpoint}: {} bytes, {} allowed, {seen} read", exact(*size), exact(*limit)));
            line("trace id", trace_id);
            line("log", format!("{} for {} refusals:", lines(log.len()), refused.len()));
            log.first().into_iter().for_each(|logged| wrapped(logged));
        }
        Ok((Incident { switched, refused }, after))
    }

    /// What the customers saw of it.
    fn meanwhile(&mut self, incident: &Incident, after: &[Call]) {
        let refused = &incident.refused;
        let log = self.world.telemetry.log();
        self.timeline.now("meanwhile");
        tell_calls(after);

        let answered = |kind, status| of(after, kind).filter(|call| call.status == status).count();
        let (orders, carts) = (of(after, Kind::Checkout).count(), of(after, Kind::Cart).count());
        self.claims.add(
            "after the switch, every large answer is refused",
            orders >= REFUSED && answered(Kind::Checkout, 502) == orders && refused.len() >= orders,
            format!("{} of {orders} checkouts are a 502", answered(Kind::Checkout, 502)),
        );
        let exact_refusals = refused.iter().filter(|(_, Refused { size, limit, endpoint, .. })| {
            *size > *limit && Some(*limit) == LINE.rejects_over() && endpoint == "GET /inventory/{sku} of inventory"
        });
        self.claims.add(
            "each refusal names size, limit and endpoint",
            exact_refusals.clone().count() == refused.len() && !refused.is_empty(),
            format!("{} of {}", exact_refusals.count(), refused.len()),
        );
        let unread = refused.iter().filter(|(_, refused)| refused.seen == 0).count();
        let parsed = self.parsed().iter().filter(|parse| !LINE.allows(parse.bytes)).count();
        self.claims.add(
            "of a refused answer nothing is read, let alone parsed",
            unread == refused.len() && unread > 0 && parsed == 0,
            format!("{unread} unread, {parsed} parsed"),
        );
        self.claims.add(
            "what asks for prices goes on unharmed",
            carts > 0 && answered(Kind::Cart, 200) == carts,
            format!("{} of {carts} carts are a 200", answered(Kind::Cart, 200)),
        );
        let traced = refused.iter().any(|(_, refused)| log.iter().any(|line| line.contains(&refused.trace_id)));
        self.claims.add("the log has the trace id of a refused call", traced, lines(log.len()));
    }

    /// Scrapes, and follows the exemplar to its trace: gives the trace id.
    async fn metrics(&mut self) -> Result<String> {
        let World { http, checkout, telemetry, .. } = self.world;
        let page = Page::fetch(http, *checkout).await?;
        self.timeline.now("GET /metrics of checkout, as Prometheus scrapes it");
        let over_limit = page.lines("plimsoll_body_over_limit_total");
        let mut telling = page.lines("plimsoll_bodies_total");
        telling.extend(page.lines("plimsoll_body_limit_bytes"));
        telling.extend(&over_limit);
        telling.into_iter().for_each(|line| short(line).lines().for_each(wrapped));
        let found = over_limit.iter().find_map(|line| trace_id(line)).unwrap_or_default().to_owned();

        self.timeline.now("the trace of that exemplar");
        let (mut spans, mut is_of_refused) = (Vec::new(), false);
        for _ in 0..2_000 {
            spans = telemetry.trace(&found);
            is_of_refused = self.refused().iter().any(|(_, refused)| refused.trace_id == found);
            if spans.len() >= 2 && is_of_refused {
                break;
            }
            // The call may still be on its way to the customer.
            sleep(Duration::from_millis(5)).await;
        }
        spans.iter().for_each(|span| wrapped(&describe(span)));

        let seen = if page.is_whole() { &found } else { "no whole page" };
        self.claims.add("/metrics has the trace id of a refused call", page.is_whole() && is_of_refused, seen);
        self.claims.add(
            "that trace shows the refusal on the span of the call",
            spans.iter().any(is_refusal),
            format!("{} spans found", spans.len()),
        );
        Ok(found)
    }

    /// What it is like without the limit, and how to get there when it is the limit that hurts.
    async fn let_pass(&mut self, usual: &Normal) -> Normal {
        let World { ledger, .. } = self.world;
        let counted = || stock_series(ledger).map_or(0, |series| series.over_limit);
        ledger.set_enforcement(Enforcement::WarnOnly);
        let (over_before, since) = (counted(), Instant::now());
        self.timeline
            .at(since, "on-call lets it pass, without a deploy: ledger.set_enforcement(Enforcement::WarnOnly)");
        let seen = self.load.flow(PASSED, since).await;
        tell_calls(&seen);
        let passed = self.normal(&seen);
        line("an answer takes", passed.against(usual));

        let over = counted().saturating_sub(over_before);
        let also = (over >= of(&seen, Kind::Checkout).count() as u64, format!("{over} over the line"));
        self.claim_good("switched to warnings, all passes, and is counted as before", &seen, PASSED, also);
        let growth = passed.size as f64 / usual.size.max(1) as f64;
        self.claims.add(
            "the answers have indeed grown tenfold or so",
            (8.0..13.0).contains(&growth),
            format!("{} what they were", times(passed.size as f64, usual.size as f64)),
        );
        passed
    }

    async fn roll_back(&mut self, finding: Option<&Finding>) -> Result<()> {
        let World { ledger, .. } = self.world;
        self.deploy(false).await?;
        // What is under way was still answered large: it is to pass before the limit rejects again.
        self.load.flow(2, Instant::now()).await;
        ledger.set_enforcement(Enforcement::Reject);
        let since = Instant::now();
        self.timeline.at(since, "inventory rolls back, and the limit rejects again");
        let seen = self.load.flow(AFTER, since).await;
        tell_calls(&seen);
        let also = (ledger.enforcement() == Enforcement::Reject, "rejecting".to_owned());
        self.claim_good("after the rollback, all is answered, with the limit in force", &seen, AFTER, also);

        self.closing(finding, since).await;
        Ok(())
    }

    fn claim_good(&mut self, what: &'static str, seen: &[Call], checkouts: usize, also: (bool, String)) {
        let good = seen.iter().filter(|call| call.status == 200).count();
        let holds = good == seen.len() && of(seen, Kind::Checkout).count() >= checkouts;
        let (also, more) = also;
        self.claims.add(what, holds && also, format!("{good} of {} are a 200, {more}", seen.len()));
    }

    async fn deploy(&self, include_full_sku_details: bool) -> Result<()> {
        let World { http, inventory, .. } = self.world;
        let config = Config { include_full_sku_details };
        http.post(format!("http://{inventory}/deploy")).json(&config).send().await?.error_for_status()?;
        Ok(())
    }

    /// The calls refused so far, in order, with when they were.
    pub(crate) fn refused(&self) -> Vec<(Instant, Refused)> {
        let refused = |call: Call| call.refused.map(|refused| (call.ended, refused));
        let mut refused: Vec<_> = self.load.since(self.timeline.0).into_iter().filter_map(refused).collect();
        refused.sort_by_key(|(ended, _)| *ended);
        refused
    }

    /// What the parser saw since this was last asked.
    fn parsed(&mut self) -> Vec<Parse> {
        let new = self.world.parsed.take(STOCK);
        self.parsed.extend(&new);
        new
    }

    fn normal(&mut self, seen: &[Call]) -> Normal {
        let parsed = self.parsed();
        Normal {
            size: quantile(parsed.iter().map(|parse| parse.bytes).collect(), 50),
            parsing: quantile(parsed.iter().map(|parse| parse.took).collect(), 50),
            checkout: quantile(of(seen, Kind::Checkout).map(Call::took).collect(), 50),
        }
    }
}
