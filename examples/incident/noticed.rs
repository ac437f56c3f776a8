//! The detector's part of the story: what it finds, and how that ends.

use plimsoll::detect::{Closing, Finding, FindingKind, Resolution};
use tokio::time::{Duration, Instant};

use crate::inventory::VERSIONS;
use crate::report::{kb, line, ms, seconds, wrapped};
use crate::scrape::STOCK;
use crate::story::{Incident, Story};

/// It takes five ticks, 1.25 s, and two seconds are promised; the rest is for machines that are busy.
const DEADLINE: Duration = Duration::from_secs(6);

impl Story<'_> {
    /// What the detector says of the switch.
    pub(crate) async fn finding(&mut self, incident: &Incident) -> Option<Finding> {
        let Some((finding, told)) = self.world.detection.finding().await else {
            self.claims.add("the detector finds what grew", false, "nothing is found");
            return None;
        };
        let late = told.duration_since(incident.switched);
        self.timeline.at(told, format_args!("the detector of checkout, {} after the switch", seconds(late)));
        wrapped(&finding.to_string());

        let Finding { since, found, kind, before, after, traces, version_before, version_after, .. } = &finding;
        let growth = after.p50 as f64 / before.p50.max(1) as f64;
        self.claims.add(
            "the detector finds what grew, and from what to what",
            (8.0..13.0).contains(&growth) && *kind == FindingKind::LargerThanEver,
            format!("median {} -> {}", kb(before.p50), kb(after.p50)),
        );
        let first = incident.refused.first().map_or(incident.switched, |(ended, _)| *ended);
        let late = told.duration_since(first);
        self.claims.add("soon after the first large answer", late < DEADLINE, seconds(late));
        // How long ago it says that was, against how long ago it was.
        let ago = found.duration_since(*since).unwrap_or_default();
        let off = ago.abs_diff(told.duration_since(incident.switched));
        self.claims.add("it knows since when, to the second", off < Duration::from_secs(1), format!("{} off", ms(off)));
        let [good, bad] = VERSIONS;
        self.claims.add(
            "it knows since which version of inventory",
            version_before.as_deref() == Some(good) && version_after.as_deref() == Some(bad),
            [version_before, version_after].map(|version| version.as_deref().unwrap_or("unknown")).join(" -> "),
        );
        let refused = self.refused();
        let of_refused = traces.iter().filter(|exemplar| {
            let trace_id = format!("{:032x}", exemplar.trace_id());
            refused.iter().any(|(_, refused)| refused.trace_id == trace_id)
        });
        let count = of_refused.count();
        self.claims.add(
            "its trace ids are those of refused calls",
            count == traces.len() && count > 0,
            format!("{count} of {}", traces.len()),
        );
        Some(finding)
    }

    /// How the detector's finding ends after the roll-back, and what else it said.
    pub(crate) async fn closing(&mut self, finding: Option<&Finding>, rolled_back: Instant) {
        let closing = match finding {
            Some(finding) => self.world.detection.closing(finding.id).await,
            None => None,
        };
        let Some((Closing { resolution, sizes, .. }, told)) = closing else {
            self.claims.add("the detector closes its finding by itself", false, "it is open");
            return;
        };
        let late = seconds(told.saturating_duration_since(rolled_back));
        self.timeline.at(told, format_args!("the detector closes its finding, {late} after the roll-back"));
        let usual = finding.map_or(0, |finding| finding.before.p50);
        line(
            "sizes since",
            format!("{} bodies, median {}, as in the baseline: {}", sizes.bodies, kb(sizes.p50), kb(usual)),
        );
        self.claims.add(
            "the detector closes its finding by itself, as sizes are back",
            resolution == Resolution::Recovered && (1..24_000).contains(&sizes.p50),
            format!("median {}", kb(sizes.p50)),
        );
        let others =
            self.world.detection.findings().iter().filter(|(told, _)| told.endpoint.route() != Some(STOCK)).count();
        self.claims.add("it blames no other endpoint", others == 0, format!("{others} others"));
    }
}
