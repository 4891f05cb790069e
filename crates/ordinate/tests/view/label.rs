//! `ordinate label`: labels that a person gives, by a plain client.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::items::{answer, text_of, write};
use super::served::{Answer, Served};
use super::support::{Desk, number};
use super::{links, text};

/// Items of the task that have no label.
const UNLABELLED: usize = 30;

/// A run over items some of which have no label, though recorded candidates answered them.
pub(super) fn desk(mark: &str) -> Desk {
    let desk = Desk::new();
    write(&desk, mark);
    let items = fs::read_to_string(desk.path("items.jsonl")).unwrap();
    let unlabelled = |(at, line): (usize, &str)| {
        let mut item: Value = serde_json::from_str(line).unwrap();
        if at < UNLABELLED {
            item["label"] = Value::Null;
        }
        item.to_string()
    };
    let items: Vec<String> = items.lines().enumerate().map(unlabelled).collect();
    desk.write("items.jsonl", items.join("\n"));
    // Answers to items without a label cannot be scored: those of the run are to the others.
    for file in ["general.jsonl", "own.jsonl"] {
        let all = fs::read_to_string(desk.path(file)).unwrap();
        desk.write(&format!("all-{file}"), &all);
        desk.write(file, all.lines().skip(UNLABELLED).collect::<Vec<_>>().join("\n"));
    }
    let ran = desk.ordinate(["run", "task.toml", "--out", "run", "--quiet"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    desk
}

pub(super) fn arguments() -> [&'static str; 7] {
    [
        "run",
        "--answers",
        "general=all-general.jsonl",
        "--answers",
        "own=all-own.jsonl",
        "--out",
        "labels.jsonl",
    ]
}

/// A value of the form of a page.
pub(super) fn hidden(page: &str, name: &str) -> String {
    let page = scraper::Html::parse_document(page);
    let selector = scraper::Selector::parse(&format!("input[name={name}]")).unwrap();
    page.select(&selector).next().unwrap().attr("value").unwrap().to_owned()
}

pub(super) fn sent(server: &Served, path: &str, fields: &[(&str, &str)]) -> Answer {
    let origin = format!("http://{}", server.address);
    sent_from(server, path, fields, &[("origin", &origin)])
}

fn sent_from(server: &Served, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    server.send("POST", path, headers, form.finish().as_bytes())
}

/// Presses a label on the page that is shown.
pub(super) fn press(server: &Served, label: &str) {
    let page = server.get("/").body;
    let (token, item) = (hidden(&page, "token"), hidden(&page, "item"));
    let answer = sent(server, "/label", &[("token", &token), ("item", &item), ("target", label)]);
    assert_eq!((answer.status, answer.header("location")), (303, "/"), "{}", answer.body);
}

pub(super) fn lines(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(super) fn shown_id(server: &Served) -> String {
    links(&server.get("/").body, ".card h2 bdi")[0].1.clone()
}

#[test]
fn labels_are_kept_at_once_gone_on_with_and_taken_by_the_task() {
    let desk = desk("");
    let server = Served::of("label", &desk, &arguments(), &[]);
    assert!(server.told.lock().unwrap().contains("30 items to label"));
    let page = server.get("/");
    assert!(page.header("content-security-policy").contains("script-src 'sha256-"));
    assert!(text(&page.body).contains("0 labelled, 30 to go"), "{}", text(&page.body));
    // What settles comes first: items that the two answer differently.
    let differ = |id: &str| {
        let (_, said) = answer(id[1..].parse().unwrap());
        said[0] != said[1]
    };
    assert!(differ(&shown_id(&server)), "{}", text(&page.body));
    assert!(text(&page.body).contains("answer it differently"), "{}", text(&page.body));
    let keys: Vec<String> = links(&page.body, "[data-key]").into_iter().map(|(_, shown)| shown).collect();
    assert_eq!(keys, ["1broken", "2late", "3lost", "Skip"]);

    let file = desk.path("labels.jsonl");
    let first = shown_id(&server);
    press(&server, "late");
    assert_eq!(
        lines(&file),
        [json!({"id": first, "target": "late", "input": text_of(first[1..].parse().unwrap())})]
    );
    // Another label may be typed, and is a button from then on.
    let page = server.get("/").body;
    let (token, item, second) = (hidden(&page, "token"), hidden(&page, "item"), shown_id(&server));
    let typed = [("token", token.as_str()), ("item", &item), ("typed", " torn ")];
    assert_eq!(sent(&server, "/label", &typed).status, 303);
    assert_eq!(lines(&file)[1]["target"], "torn");
    assert!(text(&server.get("/").body).contains("4torn"));
    // Taken back, skipped, and nothing said at all.
    assert_eq!(sent(&server, "/undo", &[("token", &token)]).status, 303);
    assert_eq!(
        (shown_id(&server), &lines(&file)[2]),
        (second.clone(), &json!({"id": second, "target": null, "input": lines(&file)[1]["input"]}))
    );
    assert_eq!(sent(&server, "/skip", &[("token", &token), ("item", &item)]).status, 303);
    assert_ne!(shown_id(&server), second);
    let nothing = sent(&server, "/label", &[("token", &token), ("item", "2"), ("typed", "  ")]);
    assert!(nothing.status == 200 && text(&nothing.body).contains("Nothing was said"), "{}", nothing.body);
    press(&server, "lost");
    assert_eq!(lines(&file).len(), 4);

    // Killed, it goes on where it was left; what was skipped comes again.
    server.signal("KILL");
    drop(server);
    let mut server = Served::of("label", &desk, &arguments(), &[]);
    assert!(text(&server.get("/").body).contains("2 labelled, 28 to go"), "{}", text(&server.get("/").body));
    assert_eq!(shown_id(&server), second);
    let stale = sent(&server, "/label", &[("token", &token), ("item", "0"), ("target", "late")]);
    assert!(stale.status == 403 && lines(&file).len() == 4, "a page of another start: {}", stale.body);
    for _ in 0..28 {
        let at: usize = shown_id(&server)[1..].parse().unwrap();
        press(&server, answer(at).0);
    }
    let done = server.get("/").body;
    assert!(
        text(&done).contains("Nothing is left to label") && text(&done).contains("targets = "),
        "{}",
        text(&done)
    );
    server.signal("INT");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));

    // The task takes them.
    let task = fs::read_to_string(desk.path("task.toml")).unwrap();
    for file in ["general.jsonl", "own.jsonl"] {
        fs::copy(desk.path(&format!("all-{file}")), desk.path(file)).unwrap();
    }
    desk.write("task.toml", task.replace("[data]\n", "[data]\ntargets = \"labels.jsonl\"\n"));
    let verdict = desk.verdict(&desk.path("task.toml"), &[]);
    assert!((number(&verdict, "basis.items") - 120.0).abs() < 1e-9, "{}", verdict["basis"]);
    let quality = |name: &str| number(super::support::named(&verdict, "candidates", name), "quality.mean");
    assert!(quality("general") > 0.55 && quality("own") > 0.55, "{} {}", quality("general"), quality("own"));
    // A label stays with its text.
    let items = fs::read_to_string(desk.path("items.jsonl")).unwrap();
    desk.write("items.jsonl", items.replace("My order 4 did", "My other order 4 did"));
    let refused = desk.ordinate(["run", "task.toml"]).refusal();
    assert!(
        refused.contains("the item \"i4\" has another text than when it was labelled, in line"),
        "{refused}"
    );
}

#[test]
fn nobody_else_writes_labels() {
    let desk = desk("");
    let server = Served::of("label", &desk, &arguments(), &[]);
    let own = format!("http://{}", server.address);
    let page = server.get("/").body;
    let token = hidden(&page, "token");
    let fields = [("token", token.as_str()), ("item", "0"), ("target", "late")];
    let evil = "http://evil.example";
    for (headers, fields, status) in [
        (&[][..], &fields[..], 403),
        (&[("origin", evil)], &fields, 403),
        (&[("origin", "null")], &fields, 403),
        (&[("origin", own.as_str()), ("sec-fetch-site", "cross-site")], &fields, 403),
        (&[("origin", own.as_str())], &fields[1..], 403),
        (&[("origin", own.as_str())], &[("token", "0"), ("item", "0"), ("target", "late")], 403),
        (&[("origin", own.as_str())], &[("token", token.as_str()), ("item", "999"), ("target", "late")], 404),
        (&[("origin", own.as_str())], &[("token", token.as_str()), ("target", "late")], 404),
    ] {
        assert_eq!(sent_from(&server, "/label", fields, headers).status, status, "{headers:?} {fields:?}");
    }
    assert_eq!(sent(&server, "/elsewhere", &fields).status, 404);
    assert_eq!(server.send("PUT", "/label", &[], b"").status, 405);
    assert_eq!(fs::read_to_string(desk.path("labels.jsonl")).unwrap(), "", "nothing was written");
    // One at a time, and into no file that is something else.
    let second = desk.ordinate(["label", "run", "--out", "labels.jsonl", "--bind", "127.0.0.1:0"]).refusal();
    assert!(second.contains("another `ordinate label` writes to it"), "{second}");
    let data = desk.ordinate(["label", "run", "--out", "items.jsonl", "--bind", "127.0.0.1:0"]).refusal();
    assert!(data.contains("it is data of the task"), "{data}");
    let other = desk.ordinate(["label", "run", "--out", "all-own.jsonl", "--bind", "127.0.0.1:0"]).refusal();
    assert!(other.contains("line 1 is no label"), "{other}");
    let refused = desk.ordinate(["label", "run", "--bind", "0.0.0.0:0"]).refusal();
    assert!(refused.contains("can be reached from other machines"), "{refused}");
}

#[test]
fn a_task_without_a_run_is_labelled_in_the_order_of_its_data() {
    let desk = Desk::new();
    desk.write(
        "items.jsonl",
        (0..4)
            .map(|at| json!({"q": format!("Question {at}?"), "options": ["red", "blue"]}).to_string() + "\n")
            .collect::<String>(),
    );
    let task = |kind: &str| {
        format!(
            "[task]\nname = \"first\"\nkind = \"{kind}\"\n[data]\nitems = \"items.jsonl\"\ninput = \"q\"\n[[candidate]]\nname = \"a\"\nlineage = \"general\"\nlocal = {{ model = \"ngram-linear\" }}\n"
        )
    };
    desk.write("task.toml", task("choose"));
    let server = Served::of("label", &desk, &["task.toml"], &[]);
    assert!(server.told.lock().unwrap().contains("in the order of the data: there is no run yet"));
    let page = server.get("/").body;
    assert_eq!(
        links(&page, ".keys button").into_iter().map(|(_, shown)| shown).collect::<Vec<_>>(),
        ["1A: red", "2B: blue"]
    );
    let odd = [("token", hidden(&page, "token")), ("item", "0".to_owned()), ("target", "C".to_owned())];
    let odd: Vec<(&str, &str)> = odd.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert!(text(&sent(&server, "/label", &odd).body).contains("Take one of the options."));
    press(&server, "B");
    assert_eq!(
        lines(&desk.path("first.labels.jsonl"))[0],
        json!({"id": "1", "target": "B", "input": "Question 0?"})
    );
    drop(server);
    for (kind, label, wrong, kept) in [
        ("regress", "2.50", "much", "2.5"),
        ("generate", " Both. ", " ", " Both. "),
        ("tag", "b, a", "", "[\"a\",\"b\"]"),
    ] {
        desk.write("task.toml", task(kind));
        let out = format!("{kind}.jsonl");
        let server = Served::of("label", &desk, &["task.toml", "--out", &out], &[]);
        let token = hidden(&server.get("/").body, "token");
        let say = |typed: &str| {
            sent(&server, "/label", &[("token", &token), ("item", "0"), ("typed", typed)]).status
        };
        if kind != "tag" {
            assert_eq!(say(wrong), 200, "{kind}");
        }
        assert_eq!(say(label), 303, "{kind}");
        assert_eq!(lines(&desk.path(&out))[0]["target"], kept, "{kind}");
    }
    desk.write(
        "task.toml",
        "[task]\nname = \"s\"\nkind = \"scored\"\n[data]\nitems = \"items.jsonl\"\ninput = \"q\"\n",
    );
    let refused = desk.ordinate(["label", "task.toml"]).refusal();
    assert!(refused.contains("its answers were scored elsewhere"), "{refused}");
    desk.write("task.toml", "[task]\nname = \"s\"\nkind = \"scored\"\n[data]\nevidence = \"items.jsonl\"\ntargets = \"labels.jsonl\"\n");
    let refused = desk.ordinate(["check", "task.toml"]).refusal();
    assert!(refused.contains("targets are of items, and evidence is a table of answers"), "{refused}");
}

/// Pages of labelling with this in every text of others: an item, one that was wrong, and the end.
pub(crate) fn hostile_pages(mark: &str) -> Vec<(String, String)> {
    let desk = desk(mark);
    // What was recorded for them since is found by itself.
    for file in ["general.jsonl", "own.jsonl"] {
        fs::copy(desk.path(&format!("all-{file}")), desk.path(file)).unwrap();
    }
    let server = Served::of("label", &desk, &["run", "--out", "l.jsonl"], &[]);
    let page = server.get("/").body;
    assert!(text(&page).contains("<img src=x onerror"), "{}", text(&page));
    let token = hidden(&page, "token");
    let wrong = sent(&server, "/label", &[("token", &token), ("item", "0")]).body;
    for at in 0..UNLABELLED {
        assert_eq!(sent(&server, "/skip", &[("token", &token), ("item", &at.to_string())]).status, 303);
    }
    let end = server.get("/").body;
    assert!(text(&end).contains("30 skipped"), "{}", text(&end));
    vec![("label".to_owned(), page), ("label wrong".to_owned(), wrong), ("label end".to_owned(), end)]
}
