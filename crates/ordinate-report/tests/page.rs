//! The page, read by an HTML parser.

#![allow(clippy::unwrap_used, clippy::panic)] // a test may

mod verdicts;

use ordinate_core::verdict::Verdict;
use ordinate_report::{PageTrials, page, sections};
use scraper::{Html, Selector};

fn all() -> Vec<(&'static str, Verdict)> {
    vec![
        ("combined", verdicts::combined()),
        ("deployed", verdicts::deployed()),
        ("undecided", verdicts::undecided()),
        ("no policy", verdicts::no_policy()),
        ("chinese", verdicts::chinese()),
        ("hostile", verdicts::hostile(0)),
        ("large", verdicts::large(16, 57)),
        ("one candidate", verdicts::large(1, 0)),
    ]
}

fn parsed(verdict: &Verdict) -> Html {
    Html::parse_document(&page(verdict, None).unwrap())
}

fn count(html: &Html, selector: &str) -> usize {
    html.select(&Selector::parse(selector).unwrap()).count()
}

fn text(html: &Html, selector: &str) -> Vec<String> {
    html.select(&Selector::parse(selector).unwrap())
        .map(|e| e.text().collect::<String>().trim().to_owned())
        .collect()
}

/// Every text that a reader can see or hear: text nodes outside style and script, titles and labels.
fn visible(html: &Html) -> String {
    let mut seen = String::new();
    for element in html.root_element().descendent_elements() {
        if !matches!(element.value().name(), "style" | "script") {
            for child in element.children() {
                if let Some(text) = child.value().as_text() {
                    seen.push_str(text);
                    seen.push('\n');
                }
            }
        }
        for attribute in ["title", "aria-label"] {
            seen.push_str(element.attr(attribute).unwrap_or_default());
            seen.push('\n');
        }
    }
    seen
}

#[test]
fn tables_have_their_rows() {
    let verdict = verdicts::combined();
    let html = parsed(&verdict);
    assert_eq!(text(&html, "h1"), ["A combination is the right choice"]);
    assert_eq!(text(&html, ".outcome"), ["combined"]);
    assert_eq!(count(&html, ".why li"), verdict.why.len());
    assert_eq!(count(&html, ".shares tbody tr"), 2);
    assert_eq!(count(&html, "#candidates > .box:first-of-type tbody tr"), 3 + 2);
    assert_eq!(text(&html, "tr.chosen th bdi"), ["by-slice"]);
    assert_eq!(count(&html, ".heat thead th.tilted"), 3);
    assert_eq!(count(&html, ".heat tbody tr"), 1 + 2);
    assert_eq!(count(&html, ".heat .best"), 2);
    assert_eq!(
        count(&html, "#evidence details[open] tbody tr"),
        2,
        "gains and harms of the recommended policy"
    );
    assert_eq!(count(&html, ".learning"), 1);
    assert!(text(&html, ".learning caption")[0].contains("9,000 to 21,000 labels, or not even then (10"));
    for (part, drawn) in
        [(".learn .band", 1), (".learn .learned", 1), (".learn .other", 1), (".learn .overtakes", 1)]
    {
        assert_eq!(count(&html, part), drawn, "{part}");
    }
    assert_eq!(count(&html, ".learn .drawn"), 3);
    assert!(text(&html, ".learn text.reference").contains(&"5,000 at hand".to_owned()));
    assert!(text(&html, ".about").iter().any(|line| line.contains("takes 5,900 to 8,100 labels in all")));
    assert_eq!(count(&html, ".assumed li"), 1 + 1);
    for chart in ["wide", "narrow"] {
        assert_eq!(count(&html, &format!(".{chart} .point")), 5);
        assert_eq!(count(&html, &format!(".{chart} .whisker")), 5);
        assert_eq!(count(&html, &format!(".{chart} path.frontier, .{chart} path.hull")), 2);
        assert_eq!(count(&html, &format!(".{chart} .step")), 4);
    }
}

#[test]
fn hosting_is_shown_where_there_is_some() {
    assert_eq!(count(&parsed(&verdicts::combined()), "#hosting, [href='#hosting']"), 0);
    let html = parsed(&verdicts::deployed());
    let cells = text(&html, "#hosting > .box:first-of-type tbody tr:first-of-type > *");
    let shown = ["minilm-probe", "7.6 million", "31 MB", "96 MB", "84 ms", "0.06 ms", "3.2 ms", "1.2 s"];
    assert_eq!(cells[..8], shown);
    assert_eq!(cells[8..], ["9.50", "2,346", "32", "256"]);
    assert_eq!(count(&html, "#hosting .unknown"), 1, "a peak that is not known");
    let pays = text(&html, "#hosting td.text");
    assert_eq!(
        pays,
        [
            "above 852 items a day",
            "never",
            "above 12,000 items a day on one machine, and always above 36,000"
        ]
    );
    assert!(visible(&html).contains("AMD EPYC, 2 cores"));
    let mut broken = verdicts::deployed();
    broken.deployment[0].per_second = f64::NAN;
    broken.break_even[0].volume_per_day = Some(f64::NAN);
    let words = visible(&parsed(&broken));
    assert!(!words.contains("NaN"), "{words}");
    // Either section alone.
    broken.deployment.clear();
    assert_eq!(count(&parsed(&broken), "#hosting table"), 1);
}

#[test]
fn how_answers_ended_is_shown_where_somebody_was_asked() {
    assert_eq!(count(&parsed(&verdicts::combined()), "#answers, [href='#answers']"), 0);
    let html = parsed(&verdicts::asked());
    let cells = text(&html, "#answers tbody tr:first-of-type > *");
    assert_eq!(cells[..4], ["gpt-large", "1,000", "940", "48"]);
    assert_eq!(cells[4..10], ["3", "45", "5", "0", "0", "7"]);
    assert_eq!(cells[10], "gpt-small (12)");
    assert!(text(&html, ".floors")[0].contains("always \"A\" scores 0.323."));
    assert!(visible(&html).contains("scored by accuracy"));
}

#[test]
fn large_evidence_is_complete_and_folded() {
    let html = parsed(&verdicts::large(16, 500));
    assert_eq!(count(&html, ".heat tbody td[title]"), 16 * 501);
    assert_eq!(
        count(&html, "#evidence > .box .sortable tbody tr"),
        15 + 12,
        "pairs with the best, strongest rescues"
    );
    assert_eq!(count(&html, "#evidence > details:not([open]) tbody tr"), 105 + (240 - 12) + 2);
}

#[test]
fn names_open_no_element_and_no_attribute() {
    let shape = |html: &Html| {
        let mut names: Vec<String> = Vec::new();
        for element in html.root_element().descendent_elements() {
            names.push(element.value().name().to_owned());
            names.extend(element.value().attrs().map(|(name, _)| format!("@{name}")));
        }
        names.sort_unstable();
        names.dedup();
        names
    };
    let calm = shape(&parsed(&verdicts::deployed()));
    let mut seen = String::new();
    for turn in 0..verdicts::HOSTILE.len() {
        let html = parsed(&verdicts::hostile(turn));
        assert_eq!(calm, shape(&html), "turn {turn}");
        assert_eq!(count(&html, "script"), 1, "turn {turn}");
        assert_eq!(count(&html, "#pwned, img, [onerror], [onmouseover]"), 0, "turn {turn}");
        seen.push_str(&visible(&html));
    }
    for name in &verdicts::HOSTILE[..7] {
        assert!(seen.contains(name), "{name} is not shown as it is");
    }
    assert!(seen.contains("gpt4-lacol"));
    assert!(!seen.chars().any(|c| matches!(c, '\u{1b}' | '\u{7}' | '\u{202e}' | '\u{2066}')));
}

#[test]
fn nothing_is_fetched() {
    for (name, verdict) in all() {
        let source = page(&verdict, None).unwrap();
        for reference in
            ["http:", "https:", "url(", "@import", "src=", "srcset", "<iframe", "<object", "<base"]
        {
            // Hostile names may say so; they do it in text, which the test above holds.
            assert!(name == "hostile" || !source.contains(reference), "{name}: {reference}");
        }
        let html = Html::parse_document(&source);
        assert_eq!(count(&html, "link:not([href='data:,'])"), 0);
        assert!(text(&html, "a").iter().all(|text| !text.is_empty()));
        for link in html.select(&Selector::parse("a").unwrap()) {
            let target = link.attr("href").unwrap();
            assert_eq!(count(&html, target), 1, "{name}: {target} leads nowhere");
        }
    }
}

#[test]
fn no_figure_reads_null_nan_or_infinite() {
    let mut broken = verdicts::combined();
    for (i, row) in broken.candidates.iter_mut().enumerate() {
        let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][i];
        row.quality = ordinate_core::verdict::Estimate { mean: bad, low: bad, high: bad };
        row.cost_per_1k = Some(bad);
        row.p95_ms = Some(bad);
        row.slices.values_mut().for_each(|cell| cell.mean = bad);
    }
    broken.policies[0].quality.high = f64::NAN;
    broken.policies[0].measures.insert("qnc".to_owned(), f64::NAN);
    broken.comparisons[0].p_adjusted = f64::NAN;
    broken.curves[0].points[1].quality = f64::NAN;
    broken.frontier[0].quality = f64::NAN;
    for (name, verdict) in all().into_iter().chain([("broken", broken)]) {
        let source = page(&verdict, None).unwrap();
        let styled = source.split("</style>").nth(1).unwrap();
        let body = styled.split("<script>").next().unwrap();
        for bad in ["NaN", "null", "None", "Some("] {
            assert!(!body.contains(bad), "{name}: {bad}");
        }
        let words = visible(&Html::parse_document(&source));
        assert!(!words.split(|c: char| !c.is_alphanumeric()).any(|word| word == "inf"), "{name}");
    }
}

#[test]
fn a_reader_finds_the_way() {
    for (name, verdict) in all() {
        let html = parsed(&verdict);
        assert_eq!(count(&html, "h1"), 1, "{name}");
        assert_eq!(count(&html, "html[lang]"), 1);
        assert_eq!(count(&html, "main"), 1);
        assert_eq!(
            count(&html, "thead th:not([scope]):not([aria-hidden])"),
            0,
            "{name}: a head without scope"
        );
        assert_eq!(count(&html, "tbody th:not([scope])"), 0, "{name}");
        assert_eq!(count(&html, "figure svg:not([role=img][aria-labelledby])"), 0, "{name}");
        assert_eq!(count(&html, ".box:not([tabindex])"), 0, "{name}: a box that keys cannot scroll");
        let ids: Vec<&str> = html.root_element().descendent_elements().filter_map(|e| e.attr("id")).collect();
        let mut unique = ids.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), ids.len(), "{name}: an id twice");
        for element in html.select(&Selector::parse("[aria-labelledby]").unwrap()) {
            for id in element.attr("aria-labelledby").unwrap().split(' ') {
                assert!(ids.contains(&id), "{name}: no {id}");
            }
        }
        for table in html.select(&Selector::parse("table").unwrap()) {
            assert!(
                table.select(&Selector::parse("tbody tr").unwrap()).count() > 0,
                "{name}: an empty table"
            );
        }
    }
}

#[test]
fn outcomes_read_as_they_are() {
    let html = parsed(&verdicts::undecided());
    assert_eq!(text(&html, "h1"), ["The data cannot decide"]);
    assert!(text(&html, ".lead")[0].starts_with("Provisionally use gpt-large"));
    let notes = text(&html, ".note");
    assert!(notes[0].contains("0.028") && notes[0].contains("19,000"), "{notes:?}");
    assert!(notes[1].contains("vertical") && notes[1].contains("law-7b"), "{notes:?}");
    assert!(text(&html, ".figures .unknown").len() >= 3, "absent cost, latency and memory read unknown");
    assert!(visible(&html).contains("cost unknown"));

    let html = parsed(&verdicts::no_policy());
    assert_eq!(text(&html, "h1"), ["No policy meets the needs"]);
    assert_eq!(count(&html, "tr.chosen, .figures, .shares"), 0);
    assert_eq!(count(&html, ".missed"), 3 + 2 + 2, "candidates, policies and two slices that are worse");
}

/// Contrast as WCAG 2 defines it.
#[test]
fn shades_of_the_map_can_be_read() {
    let style = include_str!("../templates/style.css");
    let channel = |hex: &str| {
        let value = f64::from(u8::from_str_radix(hex, 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    let luminance = |colour: &str| {
        let full =
            if colour.len() == 3 { colour.chars().flat_map(|c| [c, c]).collect() } else { colour.to_owned() };
        0.2126 * channel(&full[0..2]) + 0.7152 * channel(&full[2..4]) + 0.0722 * channel(&full[4..6])
    };
    let contrast = |a: &str, b: &str| {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    };
    let mut shades = 0;
    for rule in style.split("{background:#").skip(1) {
        let Some((background, rest)) = rule.split_once(";color:#") else { continue };
        let colour = rest.split('}').next().unwrap();
        assert!(contrast(background, colour) >= 4.5, "{background} on {colour}");
        shades += 1;
    }
    assert_eq!(shades, 20, "ten shades, light and dark");

    // Texts and marks on paper and card, light and dark.
    for theme in style.split(":root{").skip(1).take(2) {
        let of = |name: &str| {
            let value = theme.split(&format!("--{name}:#")).nth(1).unwrap();
            value.split(';').next().unwrap().split('}').next().unwrap().to_owned()
        };
        for text in ["ink", "soft", "general", "vertical", "transferred", "policy", "missed"] {
            for ground in ["paper", "card", "faint"] {
                assert!(contrast(&of(text), &of(ground)) >= 4.5, "{text} on {ground}");
            }
        }
    }
}

/// What a browser checks: the page allows exactly the script that it carries.
#[test]
fn the_policy_names_the_script() {
    use sha2::Digest;
    let source = page(&verdicts::combined(), None).unwrap();
    let script = source.split("<script>").nth(1).unwrap().split("</script>").next().unwrap();
    let digest = sha2::Sha256::digest(script.as_bytes());
    let base64 = |bytes: &[u8]| -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for chunk in bytes.chunks(3) {
            let word = chunk
                .iter()
                .chain([0, 0].iter())
                .take(3)
                .fold(0u32, |word, byte| word << 8 | u32::from(*byte));
            for i in 0..4 {
                let letter = LETTERS[(word >> (18 - 6 * i) & 63) as usize] as char;
                text.push(if i <= chunk.len() { letter } else { '=' });
            }
        }
        text
    };
    let hash = base64(&digest);
    let allowed = source.contains(&format!("script-src 'sha256-{hash}'"));
    assert!(allowed, "templates/page.js has changed: its hash is now {hash}");
}

#[test]
fn needs_can_be_moved_where_the_trials_are_there() {
    let trials = PageTrials::Packed(b"what nobody unpacks here".to_vec());
    let source = page(&verdicts::hostile(0), Some(&trials)).unwrap();
    let html = Html::parse_document(&source);
    let keys: Vec<&str> = html
        .select(&Selector::parse("#needs-fields .need").unwrap())
        .map(|row| row.attr("data-key").unwrap())
        .collect();
    assert_eq!(keys, ordinate_core::Needs::KEYS);
    for field in html.select(&Selector::parse("#needs-fields input, #needs-fields select").unwrap()) {
        let named = field.attr("aria-label").is_some()
            || count(&html, &format!("label[for={}]", field.attr("id").unwrap())) == 1;
        assert!(named, "{field:?}");
    }
    assert_eq!(count(&html, "#needs-fields[disabled]"), 1, "until the judge is there");
    assert_eq!(count(&html, "script"), 1);
    assert!(source.contains("'wasm-unsafe-eval'; worker-src blob:;"));
    // The sections that move are those that the page has.
    for (id, section) in sections(&verdicts::hostile(0)).unwrap() {
        assert!(source.contains(section.trim()), "{id}");
    }

    let still = page(&verdicts::combined(), Some(&PageTrials::LeftOut("They are too many."))).unwrap();
    assert!(still.contains("They are too many.") && !still.contains("wasm-unsafe-eval"));
    assert_eq!(count(&Html::parse_document(&still), "#move form, template"), 0);
}

#[test]
fn sliders_go_where_the_figures_are() {
    let trials = PageTrials::Packed(Vec::new());
    let mut verdict = verdicts::combined();
    verdict.needs.max_p95_ms = Some(750.0);
    let ends = |verdict: &Verdict, key: &str| -> Option<(f64, f64)> {
        let html = Html::parse_document(&page(verdict, Some(&trials)).unwrap());
        let row = Selector::parse(&format!("[data-key={key}]")).unwrap();
        let row = html.select(&row).next().unwrap();
        Some((row.attr("data-least")?.parse().unwrap(), row.attr("data-most")?.parse().unwrap()))
    };
    let costs: Vec<f64> = verdict.candidates.iter().filter_map(|row| row.cost_per_1k).collect();
    let (least, most) = ends(&verdict, "max_cost_per_1k").unwrap();
    let low = costs.iter().copied().filter(|cost| *cost > 0.0).fold(f64::INFINITY, f64::min);
    assert!(least < low && costs.iter().all(|cost| *cost < most), "{least} {most} {costs:?}");
    let (least, most) = ends(&verdict, "max_p95_ms").unwrap();
    assert!(least < 750.0 && 750.0 < most);
    let (least, most) = ends(&verdict, "min_quality").unwrap();
    assert!((0.0..=1.0).contains(&least) && most <= 1.0 && least < most);
    let mut unknown = verdicts::undecided();
    for row in &mut unknown.candidates {
        row.cost_per_1k = Some(f64::NAN);
    }
    unknown.policies.clear();
    unknown.needs.max_cost_per_1k = None;
    assert_eq!(ends(&unknown, "max_cost_per_1k"), None);
    assert_eq!(ends(&unknown, "goal"), None);
}
