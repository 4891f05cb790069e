//! What a person sees in the terminal.

mod verdicts;

use ordinate_core::verdict::Verdict;
use ordinate_report::{MAX_WIDTH, MIN_WIDTH, Style, summary};
use unicode_width::UnicodeWidthStr;

fn plain(verdict: &Verdict) -> String {
    summary(verdict, Style { colour: false, width: MAX_WIDTH })
}

#[test]
fn combined() {
    insta::assert_snapshot!(plain(&verdicts::combined()));
}

#[test]
fn combined_at_80_columns() {
    insta::assert_snapshot!(summary(&verdicts::combined(), Style { colour: false, width: 80 }));
}

#[test]
fn deployed() {
    insta::assert_snapshot!(plain(&verdicts::deployed()));
}

#[test]
fn undecided() {
    insta::assert_snapshot!(plain(&verdicts::undecided()));
}

#[test]
fn no_policy_meets_the_needs() {
    insta::assert_snapshot!(plain(&verdicts::no_policy()));
}

#[test]
fn chinese_names() {
    insta::assert_snapshot!(plain(&verdicts::chinese()));
}

#[test]
fn hostile_names() {
    let text = plain(&verdicts::hostile(0));
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    assert!(!text.chars().any(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')));
    insta::assert_snapshot!(text);
}

#[test]
fn never_wider_than_asked() {
    let all = [
        verdicts::combined(),
        verdicts::deployed(),
        verdicts::undecided(),
        verdicts::no_policy(),
        verdicts::chinese(),
        verdicts::hostile(0),
        verdicts::large(16, 20),
        verdicts::large(2, 1),
    ];
    for verdict in &all {
        for width in [0, MIN_WIDTH, 80, 93, MAX_WIDTH, 250] {
            let allowed = width.clamp(MIN_WIDTH, MAX_WIDTH);
            for line in summary(verdict, Style { colour: false, width }).lines() {
                assert!(line.width() <= allowed, "{} columns of {allowed}: {line}", line.width());
            }
        }
    }
}

#[test]
fn every_candidate_and_policy_has_its_row() {
    let verdict = verdicts::large(16, 3);
    let text = plain(&verdict);
    for i in 0..16 {
        assert!(text.contains(&format!("{i:02}-超长")), "candidate {i} is missing:\n{text}");
    }
}

#[test]
fn colour_only_where_asked_and_only_as_colour() {
    let verdict = verdicts::combined();
    let coloured = summary(&verdict, Style { colour: true, width: MAX_WIDTH });
    assert!(coloured.contains("\u{1b}["));
    let mut bare = String::new();
    for (i, part) in coloured.split("\u{1b}[").enumerate() {
        bare.push_str(if i == 0 { part } else { part.split_once('m').unwrap().1 });
    }
    let trimmed = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(trimmed(&bare), trimmed(&plain(&verdict)));
}

#[test]
fn numbers_that_are_none_read_unknown() {
    let mut verdict = verdicts::combined();
    verdict.candidates[0].quality.low = f64::NAN;
    verdict.candidates[0].cost_per_1k = Some(f64::INFINITY);
    verdict.policies[0].p95_ms = Some(f64::NAN);
    let text = plain(&verdict);
    for bad in ["NaN", "inf", "null", "None"] {
        assert!(!text.contains(bad), "{bad} in:\n{text}");
    }
    assert!(text.contains("unknown"));
}
