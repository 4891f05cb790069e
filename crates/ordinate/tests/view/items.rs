//! Items of a run, by a plain client and in a real browser.

use scraper::{Html, Selector};
use serde_json::{Value, json};

use super::browser::{axe, chromium, looked_at};
use super::pictures;
use super::series;
use super::served::Served;
use super::support::Desk;
use super::{links, text};

/// How many items there are in each of the two topics.
const EACH: usize = 60;
const HOSTILE: &str = "</textarea></select></style></script><img src=x onerror=window.pwned=1><script id=pwned>window.pwned=1</script>\" onmouseover=\"window.pwned=1";

/// A run in which the general model knows parcels and the own one knows refunds: what is right, and what each says, of item `at`.
pub(crate) fn answer(at: usize) -> (&'static str, [&'static str; 2]) {
    let label = ["late", "lost", "broken"][at % 3];
    let wrong = ["lost", "broken", "late"][at % 3];
    let knows = |which: usize| at % 2 == which || at.is_multiple_of(5);
    (label, [0, 1].map(|which| if knows(which) { label } else { wrong }))
}

pub(crate) fn topic(at: usize) -> &'static str {
    ["parcels", "refunds"][at % 2]
}

/// The text of an item: near enough to none other that they would be taken for one.
pub(crate) fn text_of(at: usize) -> String {
    let words: Vec<String> =
        (1..15).map(|place| format!("w{}", (at * 7_919 + place * 104_729) % 9_973)).collect();
    format!("My order {at} did not come as it should. {}", words.join(" "))
}

/// Writes items, answers and a task over them; `mark` is put into every text that others write.
pub(crate) fn write(desk: &Desk, mark: &str) {
    let (mut items, mut general, mut own) = (String::new(), String::new(), String::new());
    for at in 0..2 * EACH {
        let (label, said) = answer(at);
        let id = format!("i{at}{mark}");
        items += &json!({
            "id": id, "text": format!("{}{mark}", text_of(at)),
            "label": format!("{label}{mark}"), "topic": format!("{}{mark}", topic(at)),
        })
        .to_string();
        items.push('\n');
        for (lines, said) in [&mut general, &mut own].into_iter().zip(said) {
            *lines += &format!(
                "{}\n",
                json!({"id": id, "output": format!("{said}{mark}"), "cost_usd": 0.001, "latency_ms": 20})
            );
        }
    }
    desk.write("items.jsonl", items);
    desk.write("general.jsonl", general);
    desk.write("own.jsonl", own);
    let quoted = |text: String| json!(text).to_string();
    let names = [quoted(format!("general{mark}")), quoted(format!("own{mark}"))];
    desk.write("task.toml", format!(
        "[task]\nname = {}\nkind = \"classify\"\n[data]\nitems = \"items.jsonl\"\ninput = \"text\"\ntarget = \"label\"\nslice = \"topic\"\n\
         [combine]\nkinds = [\"single\", \"by-slice\"]\n[statistics]\nresamples = 200\n\
         [[candidate]]\nname = {}\nlineage = \"vertical\"\nrecorded = {{ path = \"own.jsonl\" }}\n\
         [[candidate]]\nname = {}\nlineage = \"general\"\nrecorded = {{ path = \"general.jsonl\" }}\n",
        // Not in the order of names, in which policies know them.
        quoted(format!("support{mark}")), names[1], names[0]
    ));
}

fn ran(desk: &Desk, mark: &str) -> Value {
    write(desk, mark);
    desk.verdict(&desk.path("task.toml"), &[])
}

/// The address of the only run that a server shows.
fn run_of(server: &Served) -> String {
    links(&server.get("/").body, "tbody th a")[0].0.clone()
}

/// The numbers of the candidates, by their names in the form.
fn numbers(page: &str) -> Vec<(String, String)> {
    let page = Html::parse_document(page);
    let selector = Selector::parse("input[name=show]").unwrap();
    page.select(&selector)
        .map(|input| {
            let label = input.parent().and_then(scraper::ElementRef::wrap).unwrap();
            (label.text().collect::<String>().trim().to_owned(), input.attr("value").unwrap().to_owned())
        })
        .collect()
}

/// The ids of the items that are shown.
fn ids(page: &str) -> Vec<String> {
    links(page, ".card h2 a").into_iter().map(|(_, id)| id).collect()
}

#[test]
fn items_are_found_by_slice_by_who_was_right_by_the_policy_and_by_text() {
    let desk = Desk::new();
    let verdict = ran(&desk, "");
    assert_eq!(verdict["recommended"]["name"], "by-slice", "{}", verdict["recommended"]);
    let server = Served::of("view", &desk, &["."], &[]);
    let run = run_of(&server);
    let report = server.get(&run).body;
    assert!(
        links(&report, ".elsewhere a").iter().any(|(to, _)| *to == format!("{run}/items")),
        "the page leads to its items"
    );
    let first = server.get(&format!("{run}/items"));
    let policy = first.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("script-src"), "{policy}");
    assert!(text(&first.body).contains("All 120 items"), "{}", text(&first.body));
    assert_eq!(ids(&first.body).len(), 20, "the first page alone");
    assert_eq!(ids(&first.body)[..3], ["i0", "i1", "i2"]);
    let column: std::collections::HashMap<String, String> = numbers(&first.body).into_iter().collect();
    let (general, own) = (&column["general"], &column["own"]);

    let count = |keep: &dyn Fn(usize) -> bool| (0..2 * EACH).filter(|&at| keep(at)).count();
    let right = |at: usize, which: usize| answer(at).0 == answer(at).1[which];
    let cases: [(String, usize); 8] = [
        ("slice=refunds".to_owned(), EACH),
        (format!("c{general}=right&c{own}=wrong"), count(&|at| right(at, 0) && !right(at, 1))),
        (format!("c{own}=right&slice=parcels"), count(&|at| right(at, 1) && topic(at) == "parcels")),
        ("differ=answers".to_owned(), count(&|at| right(at, 0) != right(at, 1))),
        ("differ=nobody".to_owned(), 0),
        (format!("asked={own}"), EACH),
        (format!("gave={general}&slice=parcels"), EACH),
        ("q=ORDER+11+did".to_owned(), 1),
    ];
    for (query, wanted) in cases {
        let page = server.get(&format!("{run}/items?{query}")).body;
        let said = format!("{wanted} of 120 items");
        assert!(text(&page).contains(&said), "{query}: {said}: {}", &text(&page)[..600]);
        assert_eq!(ids(&page).len(), wanted.min(20), "{query}");
    }
    // What is asked for stays in the form, and on the next page.
    let page = server.get(&format!("{run}/items?slice=refunds&c{own}=right")).body;
    let chosen: Vec<(String, String)> = links(&page, "option[selected]");
    assert!(
        ["refunds", "right"].iter().all(|word| chosen.iter().any(|(_, text)| text == word)),
        "{chosen:?}"
    );
    let next = links(&page, "nav.pages a").into_iter().find(|(_, word)| word == "Next").unwrap().0;
    let second = server.get(&next).body;
    assert!(
        text(&second).contains("21 to 40.") && text(&second).contains("60 of 120 items"),
        "{}",
        text(&second)
    );
    assert!(ids(&second).iter().all(|id| !ids(&page).contains(id)));

    // Side by side, what differs from the right answer marked; and what the policy did.
    let at = (0..120).find(|&at| right(at, 0) && !right(at, 1)).unwrap();
    let page = server.get(&format!("{run}/items?q=order+{at}+did")).body;
    let marked: Vec<String> =
        links(&page, ".answers .wrong mark").into_iter().map(|(_, text)| text).collect();
    assert_eq!(marked, [answer(at).1[1]]);
    assert!(links(&page, ".answers .right mark").is_empty());
    assert!(
        text(&page).contains("by-slice asks general and gives the answer of general: scores 1.000"),
        "{}",
        text(&page)
    );
    let item = links(&page, ".card h2 a")[0].0.clone();
    assert!(text(&server.get(&item).body).contains(&format!("My order {at} did not come")), "an item alone");

    // Two against each other: the counts are those of the items that they lead to, and the difference is the verdict's.
    let pair = server.get(&format!("{run}/pair?a=c{general}&b=c{own}")).body;
    let said = text(&pair);
    let both = count(&|at| right(at, 0) && right(at, 1));
    let only = count(&|at| right(at, 0) && !right(at, 1));
    assert!(
        said.contains(&format!("Both right{both}")) && said.contains(&format!("Only general{only}")),
        "{said}"
    );
    assert!(said.contains("on 120 items that both have a score for: a difference of"), "{said}");
    for (to, n) in links(&pair, ".counts a") {
        assert!(text(&server.get(&to).body).contains(&format!("{n} of 120 items")), "{to}: {n}");
    }
    let slices = text(&server.get(&format!("{run}/slices")).body);
    assert!(slices.contains("parcels60general 1.000own"), "{slices}");
    assert!(slices.contains("1.000general 100%") && slices.contains("1.000own 100%"), "{slices}");

    let labels = server.get(&format!("{run}/labels?of={own}")).body;
    let cells = links(&labels, ".matrix td.hit a");
    let late = count(&|at| answer(at).0 == "late" && right(at, 1));
    assert!(cells.iter().any(|(_, n)| *n == late.to_string()), "{cells:?} {late}");
    for (to, n) in links(&labels, ".matrix td a") {
        assert!(text(&server.get(&to).body).contains(&format!("{n} of 120 items")), "{to}: {n}");
    }
    for path in ["items/", "item?row=9999", "image?row=0", "image?row=99999", "nothing", "item"] {
        assert_eq!(server.get(&format!("{run}/{path}")).status, 404, "{path}");
    }
    // What an address has that no run knows asks for nothing.
    let odd = server.get(&format!(
        "{run}/items?c99=right&show=7&page=-3&differ=x&right=nan&gave=several&slice=%3Cb%3E&q=%00%ff"
    ));
    assert_eq!(odd.status, 200);
    assert!(text(&odd.body).contains("There is no slice \"<b>\" in this run."), "{}", text(&odd.body));
    // A run that is made anew is read anew.
    std::fs::write(
        desk.path("items.jsonl"),
        std::fs::read_to_string(desk.path("items.jsonl")).unwrap().replace("My order 11", "Mein Paket 11"),
    )
    .unwrap();
    desk.verdict(&desk.path("task.toml"), &[]);
    assert!(text(&server.get(&format!("{}/items?q=Paket", run_of(&server))).body).contains("1 of 120 items"));
}

#[test]
fn images_and_series_are_drawn() {
    let desk = Desk::new();
    let (mut rows, mut answers) = ("id,image,label\n".to_owned(), [String::new(), String::new()]);
    for at in 0..20_u64 {
        desk.write(&format!("images/{at}.png"), pictures::png(at));
        rows += &format!("p{at},images/{at}.png,{}\n", pictures::label(at));
        for (which, lines) in answers.iter_mut().enumerate() {
            let said = pictures::label(at + u64::from(at % 4 == which as u64));
            *lines += &format!("{}\n", json!({"id": format!("p{at}"), "output": said}));
        }
    }
    desk.write("items.csv", rows);
    desk.write("a.jsonl", &answers[0]);
    desk.write("b.jsonl", &answers[1]);
    let recorded = |file: &str| format!("recorded = {{ path = \"{file}\" }}");
    let (a, b) = (recorded("a.jsonl"), recorded("b.jsonl"));
    let candidates = [("a", "general", a.as_str()), ("b", "vertical", b.as_str())];
    let task = pictures::task(
        &desk,
        "[data]\nitems = \"items.csv\"\ninput = \"image\"\ntarget = \"label\"",
        &candidates,
    );
    let made = desk.ordinate(["run", task.to_str().unwrap(), "--out", "runs/images", "--quiet"]);
    assert_eq!(made.status(), 0, "{}", made.stderr());

    series::lines(&desk, 12);
    let known: Vec<String> = (0..12_u64)
        .map(|at| json!({"id": format!("s{at}"), "output": series::values(at, 59, 65)}).to_string())
        .collect();
    desk.write("people.jsonl", known.join("\n"));
    let people = recorded("people.jsonl");
    let data = "[data]\nitems = \"items.jsonl\"\ninput = \"past\"\ntarget = \"next\"\n[series]\nseason = 12\n[combine]\nkinds = [\"single\"]";
    let task = series::task(
        &desk,
        data,
        &[("naive", "general", "local = { model = \"seasonal-naive\" }"), ("people", "vertical", &people)],
    );
    let made = desk.ordinate(["run", task.to_str().unwrap(), "--out", "runs/series", "--quiet"]);
    assert_eq!(made.status(), 0, "{}", made.stderr());

    let server = Served::of("view", &desk, &["runs"], &[]);
    let runs = links(&server.get("/").body, "tbody th a");
    let of = |name: &str| runs.iter().find(|(_, own)| own == name).unwrap().0.clone();
    let page = Html::parse_document(&server.get(&format!("{}/items", of("images"))).body);
    let images = Selector::parse("img.picture[loading=lazy][alt]").unwrap();
    let sources: Vec<&str> = page.select(&images).map(|image| image.attr("src").unwrap()).collect();
    assert_eq!(sources.len(), 20);
    // As they are, and as nothing else than an image.
    let mut picture = server.begin("GET", sources[3], &[], b"");
    assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/png")));
    assert_eq!(picture.header("content-security-policy"), Some("default-src 'none'"));
    assert_eq!(picture.bytes(), std::fs::read(desk.path("images/3.png")).unwrap());

    let page = Html::parse_document(&server.get(&format!("{}/items", of("series"))).body);
    let count = |selector: &str| page.select(&Selector::parse(selector).unwrap()).count();
    assert_eq!(count(".card svg[role=img] path.known"), 12);
    assert_eq!((count(".card svg[role=img] path.came"), count(".card svg[role=img] path.f1")), (12, 12));
}

/// The pages of items in a browser without any policy, in light and dark, on a phone and a desk: others' text stays text, nothing
/// sticks out, and axe finds nothing that keeps anybody out.
#[test]
fn pages_of_items_keep_nobody_out_and_let_nothing_in() {
    let Some(browser) = chromium() else { return };
    let desk = Desk::new();
    ran(&desk, HOSTILE);
    let server = Served::of("view", &desk, &["."], &[]);
    let run = run_of(&server);
    let item = links(&server.get(&format!("{run}/items")).body, ".card h2 a")[0].0.clone();
    let paths = [
        "/".to_owned(),
        run.clone(),
        format!("{run}/items?differ=scores&c0=right"),
        format!("{run}/items?q=%3Cimg"),
        item,
        format!("{run}/pair"),
        format!("{run}/slices"),
        format!("{run}/labels"),
    ];
    let mut pages: Vec<(String, String)> = paths
        .iter()
        .map(|path| {
            let page = server.get(path);
            assert_eq!(page.status, 200, "{path}");
            assert!(text(&page.body).contains("<img src=x onerror"), "{path}: it is shown");
            (path.clone(), page.body)
        })
        .collect();
    pages.extend(super::label::hostile_pages(HOSTILE));
    let seen = looked_at(&browser, &pages, axe().as_deref());
    assert_eq!(seen.len(), 4 * pages.len());
    let wrong: Vec<&Value> = seen
        .iter()
        .filter(|one| {
            one["pwned"] == true
                || one["foreign"] != 0
                || one["wrong"] != json!([])
                || one["wide"] != json!([])
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
