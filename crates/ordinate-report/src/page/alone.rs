//! The drawings of the page as files of their own: each with its colours, and with the legend that the page has beside it.

use askama::Template;
use ordinate_core::verdict::Verdict;

use super::{STYLE, chart, needs_of_data, series};
use crate::error::ReportError;
use crate::text::{clean, shorten, width};

/// A drawing that stands alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing {
    /// Its name, of small letters, digits and hyphens: `cost-and-quality`, `learning-1`, `series-1`.
    pub name: String,
    /// What it shows, in a line.
    pub about: String,
    /// The SVG, whole.
    pub svg: String,
}

/// A line of a legend.
struct Key {
    x: f64,
    y: f64,
    /// The class of the mark or line; empty for a line of text.
    class: &'static str,
    is_mark: bool,
    text: String,
}

impl Key {
    fn text_x(&self) -> f64 {
        if self.class.is_empty() { self.x } else { self.x + 33.0 }
    }
}

#[derive(Template)]
#[template(path = "alone-cost.svg")]
struct Cost<'a> {
    style: &'a str,
    c: &'a chart::Chart,
    height: f64,
    keys: Vec<Key>,
}

#[derive(Template)]
#[template(path = "alone-learning.svg")]
struct Learned<'a> {
    style: &'a str,
    need: &'a needs_of_data::Learning,
    p: &'a needs_of_data::Picture,
    height: f64,
    keys: Vec<Key>,
}

#[derive(Template)]
#[template(path = "alone-series.svg")]
struct Series<'a> {
    style: &'a str,
    p: &'a series::Picture,
    height: f64,
    keys: Vec<Key>,
}

/// Height of a line of a legend.
const LINE: f64 = 19.0;

pub(crate) fn drawings(verdict: &Verdict) -> Result<Vec<Drawing>, ReportError> {
    let style = style(STYLE);
    let mut all = Vec::new();
    if let Some(c) = chart::charts(verdict).iter().find(|chart| chart.wide) {
        let (keys, height) = keys_of_costs(c);
        all.push(Drawing {
            name: "cost-and-quality".to_owned(),
            about: "cost against quality of candidates and policies".to_owned(),
            svg: Cost { style: &style, c, height, keys }.render()?,
        });
    }
    for (at, need) in needs_of_data::data_needs(verdict).iter().enumerate() {
        let Some(p) = &need.picture else { continue };
        let said = [&need.candidate, &need.overtakes].into_iter().enumerate();
        let keys: Vec<Key> = said
            .map(|(at, text)| {
                line("", 2.0, needs_of_data::HEIGHT + LINE * (at as f64 + 0.8), shorten(text, 56))
            })
            .collect();
        let height = needs_of_data::HEIGHT + LINE * 2.3;
        let svg = Learned { style: &style, need, p, height, keys }.render()?;
        let about = format!("quality of {} against labelled examples", need.candidate);
        all.push(Drawing { name: format!("learning-{}", at + 1), about, svg });
    }
    if let Some(shown) = series::series(verdict) {
        for (at, p) in shown.pictures.iter().enumerate() {
            let (keys, height) = keys_of_series(p, &shown.legend);
            let svg = Series { style: &style, p, height, keys }.render()?;
            let about = format!("series {}: known, came and forecast", clean(&p.id));
            all.push(Drawing { name: format!("series-{}", at + 1), about, svg });
        }
    }
    Ok(all)
}

fn line(class: &'static str, x: f64, y: f64, text: String) -> Key {
    Key { x, y, class, is_mark: false, text }
}

/// Marks in one line, lines in the next.
fn keys_of_costs(c: &chart::Chart) -> (Vec<Key>, f64) {
    let mut keys = Vec::new();
    let mut row = |y: f64, entries: Vec<(&'static str, bool, &str)>| {
        let mut x = c.plot.x;
        for (class, is_mark, text) in entries {
            keys.push(Key { x, y, class, is_mark, text: text.to_owned() });
            // A column of text is about 7.5 wide.
            x += 60.0 + width(text) as f64 * 7.5;
        }
    };
    row(c.height + LINE, c.classes.iter().map(|&class| (class, true, class)).collect());
    let lines = [
        ("curve", !c.curves.is_empty(), "a policy over its dial"),
        ("frontier", !c.frontier.is_empty(), "frontier"),
        ("hull", !c.zero_router.is_empty(), "zero router"),
        ("oracle", c.oracle.is_some(), "oracle, partly luck"),
    ];
    let drawn: Vec<_> =
        lines.into_iter().filter(|line| line.1).map(|(class, _, text)| (class, false, text)).collect();
    let more = if drawn.is_empty() { 1.0 } else { 2.0 };
    row(c.height + 2.0 * LINE, drawn);
    (keys, c.height + (more + 0.7) * LINE)
}

fn keys_of_series(p: &series::Picture, legend: &[(String, &'static str)]) -> (Vec<Key>, f64) {
    let known = [("known".to_owned(), "known"), ("came".to_owned(), "came")];
    let title = (format!("{}, from {} to {}", p.id, p.least, p.most), "");
    let all = [title].into_iter().chain(known).chain(legend.iter().cloned());
    let keys: Vec<Key> = all
        .enumerate()
        .map(|(at, (text, class))| line(class, 6.0, p.height + LINE * (at as f64 + 0.9), shorten(&text, 48)))
        .collect();
    let height = p.height + LINE * (keys.len() as f64 + 0.4);
    (keys, height)
}

/// What the page's rules for drawings come to where screens are light, with every colour written out: few programs that show SVG
/// know variables.
fn style(page: &str) -> String {
    const DRAWN: [&str; 9] =
        [".chart text", "text.tick", ".grid", "path.", "circle.", ".whisker", ".shape", ".halo", ".names"];
    let palette: Vec<(String, &str)> = page
        .split_once(":root{")
        .and_then(|(_, behind)| behind.split_once('}'))
        .into_iter()
        .flat_map(|(inner, _)| inner.split(';'))
        .filter_map(|one| one.split_once(':'))
        .map(|(name, value)| (format!("var({})", name.trim()), value.trim()))
        .collect();
    let resolved =
        |text: &str| palette.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
    let mut rules = String::new();
    // The rules of drawings stand one a line, outside of those for some screens alone.
    let lines: Vec<&str> = page.lines().filter(|line| !line.starts_with([' ', '@'])).collect();
    for (selectors, declared) in lines.iter().flat_map(|line| rules_of(line)) {
        let is_point = selectors.contains(".point.");
        if !is_point
            && !selectors.starts_with(".learn ")
            && !DRAWN.iter().any(|drawn| selectors.contains(drawn))
        {
            continue;
        }
        let declared: Vec<&str> = declared.split(';').filter(|one| !one.starts_with("--")).collect();
        let declared = declared.join(";");
        if !declared.contains("var(--tint)") {
            rules += &format!("{selectors}{{{}}}\n", resolved(&declared));
            continue;
        }
        for class in ["general", "vertical", "transferred", "policy"] {
            let colour = resolved(&format!("var(--{class})"));
            let of = |selector: &str| match selector.strip_prefix(".learn ") {
                Some(inner) => format!(".learn.{class} {inner}"),
                None => format!(".{class} {selector}"),
            };
            let selectors: Vec<String> = selectors.split(',').map(of).collect();
            let declared = resolved(&declared.replace("var(--tint)", &colour));
            rules += &format!("{}{{{declared}}}\n", selectors.join(","));
        }
    }
    rules + &resolved(".paper{fill:var(--paper)}\n.keys text{fill:var(--soft)}")
}

/// Selectors and declarations of the rules in a line.
fn rules_of(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.split_inclusive('}').filter_map(|rule| rule.strip_suffix('}')?.split_once('{'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_is_written_out() {
        let style = style(STYLE);
        assert!(!style.contains("var(") && !style.contains("--"), "{style}");
        for rule in [
            ".general .whisker{stroke:#1c66a8;",
            ".learn.vertical .band{fill:#b04a08;opacity:.18}",
            ".mark.policy,.point.policy{fill:#7a2f86}",
            "path.frontier{stroke:#171a1f;",
            "circle.step{fill:#fff;",
            ".paper{fill:#fbfaf7}",
        ] {
            assert!(style.contains(rule), "{rule}: {style}");
        }
    }
}
