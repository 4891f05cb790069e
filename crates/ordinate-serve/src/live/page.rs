//! The whole of the live page.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use super::{STYLE, Text, task, time, usd};
use crate::day::{seconds_now, written_at};
use crate::keys::Keys;
use crate::metrics::Counters;
use crate::state::{Served, Server};

/// Seconds after which a browser asks for it again.
const AGAIN: u64 = 5;

/// How a server stands.
pub(super) fn html(server: &Server, served: &Served) -> String {
    let counted = server.metrics.counted();
    let mut page = String::with_capacity(16 << 10);
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta http-equiv=\"refresh\" content=\"{AGAIN}\">\n<title>Ordinate, live</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n"
    );
    head(&mut page, server, &counted);
    page.push_str("<main id=\"main\">\n");
    let standings = server.standings();
    for task in served.tasks() {
        task::section(&mut page, server, task, &counted, &standings);
    }
    overhead(&mut page, &counted);
    money(&mut page, server, served);
    let _ = writeln!(
        page,
        "</main>\n<footer><p>Since {}, asked for again every {AGAIN} s. No text of a request or an answer is kept for this page.</p></footer>\n</body>\n</html>",
        written_at(std::time::UNIX_EPOCH + std::time::Duration::from_secs(server.started))
    );
    page
}

fn head(page: &mut String, server: &Server, counted: &Counters) {
    let responses: u64 = counted.responses.values().sum();
    let errors: u64 =
        counted.responses.iter().filter(|((_, status), _)| *status >= 500).map(|(_, count)| count).sum();
    let state = if server.draining.load(Ordering::Relaxed) { "ending" } else { "answering" };
    let _ = write!(
        page,
        "<header class=\"top\"><p class=\"brand\">ordinate</p><p>{state} at {} for {}</p></header>\n<dl class=\"figures\">",
        server.config.bind,
        time(seconds_now().saturating_sub(server.started) as f64)
    );
    for (name, value) in [
        ("responses", responses.to_string()),
        ("of these 5xx", errors.to_string()),
        ("open connections", counted.open.to_string()),
        ("streams that broke off", counted.streams_broken.to_string()),
        ("streams gone on with", counted.streams_continued.to_string()),
        ("clients that left", counted.clients_left.to_string()),
    ] {
        let _ = write!(page, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    }
    page.push_str("</dl>\n");
}

fn overhead(page: &mut String, counted: &Counters) {
    page.push_str(
        "<section id=\"overhead\"><h2>Time in this server</h2>\n<p class=\"about\">Without waiting for candidates.</p>\n",
    );
    if counted.overhead.is_empty() {
        page.push_str("<p>Nothing was answered yet.</p></section>\n");
        return;
    }
    page.push_str(
        "<table><thead><tr><th>route</th><th>requests</th><th>mean</th><th>half within</th><th>99 % within</th></tr></thead><tbody>",
    );
    for (route, spent) in &counted.overhead {
        let within = |share| spent.within(share).map_or_else(|| "more than 1 s".to_owned(), time);
        let _ = write!(
            page,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            Text(route),
            spent.requests(),
            time(spent.mean()),
            within(0.5),
            within(0.99)
        );
    }
    page.push_str("</tbody></table></section>\n");
}

/// What keys and shadow requests spend today.
fn money(page: &mut String, server: &Server, served: &Served) {
    page.push_str("<section id=\"budgets\"><h2>Budgets of today (UTC)</h2>\n");
    let shadow = served.tasks().iter().find_map(|task| task.runner_up.as_ref());
    let keys = served.keys().map(Keys::all).unwrap_or_default();
    if shadow.is_none() && keys.is_empty() {
        page.push_str(
            "<p>There are no keys and no shadow requests, so that nothing is limited.</p></section>\n",
        );
        return;
    }
    page.push_str("<table><thead><tr><th>who</th><th>spent</th><th>of</th><th></th></tr></thead><tbody>");
    let mut row = |who: &str, spent: String, most: Option<(String, f64)>| {
        let (most, share) = most.unwrap_or_else(|| ("no limit".to_owned(), 0.0));
        let _ = write!(
            page,
            "<tr><th scope=\"row\">{}</th><td>{spent}</td><td>{most}</td><td><meter min=\"0\" max=\"1\" high=\"0.9\" value=\"{:.4}\">{:.0} %</meter></td></tr>",
            Text(who),
            share.clamp(0.0, 1.0),
            100.0 * share
        );
    };
    for key in keys {
        let spent = key.spent_today();
        let most = key.usd_per_day.map(|most| (usd(most), spent / most.max(f64::MIN_POSITIVE)));
        row(&format!("key {}", key.name), usd(spent), most);
    }
    if let Some(runner_up) = shadow {
        let (spent, requests) = server.shadows.spent_today();
        let limits = &runner_up.settings;
        let most = limits.usd_per_day.map(|most| (usd(most), spent / most));
        row("shadow requests, USD", usd(spent), most);
        if let Some(most) = limits.requests_per_day {
            let share = requests as f64 / most.get() as f64;
            row("shadow requests", requests.to_string(), Some((most.to_string(), share)));
        }
    }
    page.push_str("</tbody></table></section>\n");
}
