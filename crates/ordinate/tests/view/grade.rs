//! `ordinate label` of a run whose answers a judge graded: grades of people, by a plain client.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use super::label::{hidden, lines, press, sent, shown_id};
use super::served::Served;
use super::support::{Desk, named, number};
use super::{links, text};

const ITEMS: usize = 40;

/// What people say that an answer is worth.
fn worth(who: &str, item: usize) -> usize {
    if who == "alpha" { 2 + item % 3 } else { 1 + item % 4 }
}

fn answer(who: &str, item: usize) -> String {
    format!("Reply {} of {item}", if who == "alpha" { "one" } else { "two" })
}

/// A run over recorded answers with recorded grades of a judge, which is one too kind to alpha.
fn desk(judge: &str) -> Desk {
    let desk = Desk::new();
    let items = (0..ITEMS).map(|at| json!({"id": format!("i{at}"), "input": format!("Question {at}")}));
    desk.write("items.jsonl", items.map(|item| item.to_string() + "\n").collect::<String>());
    let mut grades = "id,candidate,grade\n".to_owned();
    for who in ["alpha", "beta"] {
        let line = |at: usize| json!({"id": format!("i{at}"), "output": answer(who, at)}).to_string() + "\n";
        desk.write(&format!("{who}.jsonl"), (0..ITEMS).map(line).collect::<String>());
        for at in 0..ITEMS {
            let grade = match judge.contains("pairwise") {
                true => ["win", "tie", "loss"][at % 3].to_owned(),
                false => (worth(who, at) + usize::from(who == "alpha")).to_string(),
            };
            grades += &format!("i{at},{who},{grade}\n");
        }
    }
    desk.write("grades.csv", grades);
    desk.write("task.toml", task(judge));
    let ran = desk.ordinate(["run", "task.toml", "--out", "run", "--quiet"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    desk
}

fn task(judge: &str) -> String {
    let candidates = ["alpha", "beta"].map(|who| {
        format!("[[candidate]]\nname = \"{who}\"\nlineage = \"general\"\nrecorded = {{ path = \"{who}.jsonl\" }}\n")
    });
    format!(
        "[task]\nname = \"advice\"\nkind = \"generate\"\nmetric = \"judge\"\n[data]\nitems = \"items.jsonl\"\n[combine]\nkinds = [\"single\"]\n\
         [judge]\nrubric = \"Is it of use?\"\nrecorded = {{ path = \"grades.csv\" }}\n{judge}\n{}",
        candidates.concat()
    )
}

/// The answers that the page shows, by their titles.
fn shown(page: &str) -> BTreeMap<String, String> {
    let page = scraper::Html::parse_document(page);
    let of = |inner: &str, li: scraper::ElementRef<'_>| {
        let selector = scraper::Selector::parse(inner).unwrap();
        li.select(&selector).next().unwrap().text().collect::<String>()
    };
    let answers = scraper::Selector::parse(".answers li").unwrap();
    page.select(&answers).map(|li| (of(".who", li), of(".said-text", li))).collect()
}

fn whose(text: &str) -> (&'static str, usize) {
    let item = text.rsplit(' ').next().unwrap().parse().unwrap();
    (if text.contains("one") { "alpha" } else { "beta" }, item)
}

#[test]
fn answers_come_at_random_without_names_and_their_grades_hold_the_judge() {
    let desk = desk("");
    let server = Served::of("label", &desk, &["run"], &[]);
    let told = server.told.lock().unwrap().clone();
    assert!(told.contains("80 answers to grade") && told.contains("random order (seed 0)"), "{told}");
    let page = server.get("/").body;
    assert!(
        text(&page).contains("What is it worth?") && text(&page).contains("Is it of use?"),
        "{}",
        text(&page)
    );
    assert!(!page.contains("alpha") && !page.contains("beta"), "a name sways: {page}");
    let keys: Vec<String> = links(&page, "[data-key]").into_iter().map(|(_, shown)| shown).collect();
    assert_eq!(keys, ["11: the worst", "22", "33", "44", "55: the best", "Skip"]);

    let file = desk.path("advice.grades.jsonl");
    let first = shown_id(&server);
    let (who, item) = whose(&shown(&page)["The answer"]);
    press(&server, "4");
    assert_eq!(lines(&file), [json!({"id": first, "candidate": who, "grade": 4})]);
    assert_eq!(first, format!("i{item}"));
    // The other answer to it comes next; what is taken back is gone.
    assert_eq!(shown_id(&server), first);
    assert_ne!(whose(&shown(&server.get("/").body)["The answer"]).0, who);
    let token = hidden(&server.get("/").body, "token");
    assert_eq!(sent(&server, "/undo", &[("token", &token)]).status, 303);
    assert_eq!(fs::read_to_string(&file).unwrap(), "");
    let odd = sent(&server, "/label", &[("token", &token), ("item", "0"), ("target", "6")]);
    assert!(
        odd.status == 200 && text(&odd.body).contains("it takes a number from 1 (the worst) to 5"),
        "{}",
        odd.body
    );
    press(&server, &worth(who, item).to_string());
    server.signal("KILL");
    drop(server);

    // It goes on with the rest in the same order, which is not that of the data.
    let mut server = Served::of("label", &desk, &["run"], &[]);
    assert!(server.told.lock().unwrap().contains("79 answers to grade"));
    let mut order = Vec::new();
    for _ in 0..79 {
        let (who, item) = whose(&shown(&server.get("/").body)["The answer"]);
        order.push(item);
        press(&server, &worth(who, item).to_string());
    }
    assert_eq!(order[0], item);
    assert!(
        order[1..].chunks(2).all(|pair| pair[0] == pair[1]),
        "all answers to an item side by side: {order:?}"
    );
    assert!(!order[1..].is_sorted() && !order[1..].iter().rev().is_sorted(), "{order:?}");
    let done = text(&server.get("/").body);
    assert!(done.contains("Nothing is left to grade") && done.contains("human_is_random = true"), "{done}");
    server.signal("INT");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));

    desk.write("task.toml", task("human = \"advice.grades.jsonl\"\nhuman_is_random = true"));
    let verdict = desk.verdict(&desk.path("task.toml"), &[]);
    assert_eq!(verdict["judge"]["human"], 80);
    let mean = (0..ITEMS).map(|at| (worth("alpha", at) - 1) as f64 / 4.0).sum::<f64>() / ITEMS as f64;
    assert!((number(named(&verdict, "candidates", "alpha"), "quality.mean") - mean).abs() < 1e-9);
    let assumed = verdict["assumed"].to_string();
    assert!(assumed.contains("random draw of the items, as human_is_random says"), "{assumed}");
    // Everything is graded.
    let refused = desk.ordinate(["label", "run", "--bind", "127.0.0.1:0"]).refusal();
    assert!(refused.contains("every answer of this run has a grade"), "{refused}");
}

#[test]
fn what_settles_comes_first_where_it_is_asked_for_and_is_said_to_be_no_random_draw() {
    let desk = desk("");
    let server = Served::of("label", &desk, &["run", "--order", "settling", "--out", "g.jsonl"], &[]);
    let told = server.told.lock().unwrap().clone();
    assert!(told.contains("is no random draw"), "{told}");
    let apart = |id: &str| {
        let item: usize = id[1..].parse().unwrap();
        (worth("alpha", item) + 1).abs_diff(worth("beta", item))
    };
    let most = (0..ITEMS).map(|at| apart(&format!("i{at}"))).max().unwrap();
    assert_eq!(apart(&shown_id(&server)), most);
    let token = hidden(&server.get("/").body, "token");
    for at in 0..2 * ITEMS {
        assert_eq!(sent(&server, "/skip", &[("token", &token), ("item", &at.to_string())]).status, 303);
    }
    let done = text(&server.get("/").body);
    assert!(
        done.contains("human_is_random stays false") && !done.contains("human_is_random = true"),
        "{done}"
    );
    // Labels of items can come at random too.
    let labels = super::label::desk("");
    let ids = |order: &[&str]| {
        let arguments = [&super::label::arguments()[..], order].concat();
        let server = Served::of("label", &labels, &arguments, &[]);
        let token = hidden(&server.get("/").body, "token");
        let ids = (0..30).map(|at: usize| {
            let id = shown_id(&server);
            assert_eq!(sent(&server, "/skip", &[("token", &token), ("item", &at.to_string())]).status, 303);
            id
        });
        ids.collect::<Vec<String>>()
    };
    let [random, again, settling] = [&["--order", "random"][..], &["--order", "random"], &[]].map(ids);
    assert!(random == again && random != settling, "{random:?} {settling:?}");
    let in_order = |ids: &[String]| ids.is_sorted_by_key(|id| id[1..].parse::<usize>().unwrap());
    assert!(!in_order(&random));
}

#[test]
fn pairs_are_shown_in_either_order_and_kept_as_wins_and_losses() {
    let desk = desk("mode = \"pairwise\"\nagainst = \"beta\"");
    let server = Served::of("label", &desk, &["run", "--out", "g.jsonl"], &[]);
    assert!(server.told.lock().unwrap().contains("40 answers to grade"));
    let mut firsts = Vec::new();
    for at in 0..20 {
        let page = server.get("/").body;
        assert!(text(&page).contains("Which is better?"));
        let shown = shown(&page);
        firsts.push(whose(&shown["Answer A"]).0);
        // Alpha's answer is the better one on the even places.
        let own = if firsts[at] == "alpha" { "A" } else { "B" };
        let other = if own == "A" { "B" } else { "A" };
        press(&server, if at % 2 == 0 { own } else { other });
    }
    assert!(firsts.contains(&"alpha") && firsts.contains(&"beta"), "{firsts:?}");
    press(&server, "tie");
    let said: Vec<Value> =
        lines(&desk.path("g.jsonl")).into_iter().map(|line| line["grade"].clone()).collect();
    let wanted = (0..20).map(|at| json!(["win", "loss"][at % 2])).chain([json!("tie")]);
    assert_eq!(said, wanted.collect::<Vec<Value>>());
    assert!(lines(&desk.path("g.jsonl")).iter().all(|line| line["candidate"] == "alpha"));
}
