//! Answers that a judge grades, through the real binary: an API (the fault server) that answers, and one that grades.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "grades/elsewhere.rs"]
mod elsewhere;
mod support;

use std::path::PathBuf;
use std::time::Duration;

use ordinate_faults::{FaultServer, Script, Style, prompt_of};
use serde_json::Value;
use support::{Desk, named, number};

const ITEMS: usize = 300;

/// What people say that an answer is worth, from 1 to 5.
fn worth(who: &str, item: usize) -> u32 {
    match who {
        "big" => [2, 3, 4, 3][item % 4],
        _ => [3, 3, 4, 5][item % 4],
    }
}

/// A tenth of the items are of a slice of which people graded hardly any.
fn slice(item: usize) -> &'static str {
    if item % 50 < 5 { "rare" } else { "usual" }
}

fn answer(who: &str, item: usize) -> String {
    format!("{who} says of {item}: worth {}", worth(who, item))
}

/// What stands between these marks of a prompt, by its place.
fn answers(prompt: &str) -> Vec<(String, u32)> {
    let parts = prompt.split("\n<answer-").skip(1);
    parts
        .map(|part| {
            let text = part.lines().nth(1).unwrap().to_owned();
            let worth = text.rsplit(' ').next().unwrap().parse().unwrap();
            (text, worth)
        })
        .collect()
}

/// What the judge says of the answer: one grade too good for its own family, and sometimes one too bad.
fn judged(text: &str, worth: u32) -> u32 {
    let moody = text.bytes().map(u32::from).sum::<u32>().is_multiple_of(7);
    (worth + u32::from(text.starts_with("big")) - u32::from(moody)).clamp(1, 5)
}

fn single() -> Script {
    Script::new(|body| {
        let prompt = prompt_of(body);
        assert!(
            prompt.contains("Rubric:\nIs it of use?") && prompt.contains("from 1 (the worst) to 5"),
            "{prompt}"
        );
        let (text, worth) = answers(prompt).remove(0);
        format!("Grade: {}", judged(&text, worth))
    })
}

/// Says of two answers which is worth more; of equals it takes the first.
fn pairs() -> Script {
    Script::new(|body| {
        let answers = answers(prompt_of(body));
        if answers[1].1 > answers[0].1 { "B" } else { "A" }.to_owned()
    })
}

/// Items without right answers, the recorded answers of `small`, and a server that is `big`.
async fn desk() -> (Desk, FaultServer) {
    let desk = Desk::new();
    let items: Vec<String> = (0..ITEMS)
        .map(|at| {
            serde_json::json!({ "id": format!("i{at}"), "input": format!("Question {at}"), "slice": slice(at) })
                .to_string()
        })
        .collect();
    desk.write("items.jsonl", items.join("\n"));
    let small: Vec<String> = (0..ITEMS)
        .map(|at| {
            serde_json::json!({ "id": format!("i{at}"), "output": answer("small", at), "cost_usd": 0.0001 })
                .to_string()
        })
        .collect();
    desk.write("small.jsonl", small.join("\n"));
    let server = FaultServer::start(Script::new(|body| {
        let prompt = prompt_of(body);
        answer("big", prompt.trim().rsplit(' ').next().unwrap().parse().unwrap())
    }))
    .await
    .unwrap();
    (desk, server)
}

/// The grades of people of the answers to every fifth item.
fn human(desk: &Desk) {
    let mut lines = vec!["id,candidate,grade".to_owned()];
    for at in (0..ITEMS).filter(|at| at * 7 % 5 == 0) {
        for who in ["big", "small"] {
            lines.push(format!("i{at},{who},{}", worth(who, at)));
        }
    }
    desk.write("human.csv", lines.join("\n"));
}

fn task(desk: &Desk, big: &FaultServer, judge: &str, further: &str) -> PathBuf {
    let text = format!(
        r#"
[task]
name = "advice"
kind = "generate"
metric = "judge"

[data]
items = "items.jsonl"

[combine]
kinds = ["single"]
{further}

{judge}

[[candidate]]
name = "big"
lineage = "general"
openai = {{ model = "gpt-big", base_url = "{}", price = {{ input = 2.0, output = 8.0 }} }}

[[candidate]]
name = "small"
lineage = "vertical"
recorded = {{ path = "small.jsonl" }}
"#,
        big.base_url()
    );
    desk.write("task.toml", text)
}

fn asks(server: &FaultServer, more: &str) -> String {
    format!(
        "[judge]\nrubric = \"Is it of use?\"\nopenai = {{ model = \"gpt-judge\", base_url = \"{}\", price = {{ input = 1.0, output = 4.0 }} }}\n{more}",
        server.base_url()
    )
}

fn means(who: &str) -> f64 {
    (0..ITEMS).map(|at| f64::from(worth(who, at) - 1) / 4.0).sum::<f64>() / ITEMS as f64
}

fn raw(who: &str) -> f64 {
    let grade = |at: usize| judged(&answer(who, at), worth(who, at));
    (0..ITEMS).map(|at| f64::from(grade(at) - 1) / 4.0).sum::<f64>() / ITEMS as f64
}

fn whys(verdict: &Value) -> String {
    verdict["why"].as_array().unwrap().iter().map(|why| why.as_str().unwrap().to_owned() + "\n").collect()
}

fn of<'v>(verdict: &'v Value, name: &str) -> &'v Value {
    let all = verdict["judge"]["candidates"].as_array().unwrap();
    all.iter().find(|row| row["name"] == name).unwrap()
}

fn of_slice<'v>(verdict: &'v Value, name: &str, slice: &str) -> &'v Value {
    &of(verdict, name)["slices"][slice]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_judge_that_favours_its_family_is_found_out_and_corrected() {
    let (desk, big) = desk().await;
    let judge = FaultServer::start(single()).await.unwrap();
    let alone = desk.verdict(&task(&desk, &big, &asks(&judge, ""), ""), &[]);
    assert_eq!((big.counts().asked, judge.counts().asked), (300, 600));
    // Without people the judge's opinion is all there is, and is said to be that.
    let quality = |verdict: &Value, who: &str| number(named(verdict, "candidates", who), "quality.mean");
    assert!((quality(&alone, "big") - raw("big")).abs() < 1e-9 && raw("big") > means("big") + 0.15);
    assert!(whys(&alone).contains("the opinion of the judge (gpt-judge) alone"), "{}", whys(&alone));
    assert!(whys(&alone).contains("big is of the judge's own family, and nothing shows"), "{}", whys(&alone));

    human(&desk);
    let with_people = asks(&judge, "human = \"human.csv\"");
    let task = task(&desk, &big, &with_people, "");
    let verdict = desk.verdict(&task, &[]);
    // Nothing that was paid for is asked again.
    assert_eq!((big.counts().asked, judge.counts().asked), (300, 600));
    for who in ["big", "small"] {
        let row = named(&verdict, "candidates", who);
        let (low, high) = (number(row, "quality.low"), number(row, "quality.high"));
        assert!((quality(&verdict, who) - means(who)).abs() < 0.05, "{row}");
        assert!(low < means(who) && means(who) < high && high - low < 0.15, "{row}");
        assert_eq!(
            (of(&verdict, who)["graded"].as_u64(), of(&verdict, who)["labelled"].as_u64()),
            (Some(300), Some(60))
        );
        assert!(number(of(&verdict, who), "lambda") > 0.3, "{}", of(&verdict, who));
    }
    assert_eq!(verdict["recommended"]["name"], "small");
    assert_eq!(
        (of(&verdict, "big")["own_family"].as_bool(), of(&verdict, "small")["own_family"].as_bool()),
        (Some(true), Some(false))
    );
    assert!(
        number(of(&verdict, "big"), "bias.low") > 0.1 && number(of(&verdict, "small"), "bias.low") < 0.05
    );
    assert!(number(&verdict, "judge.favours_family.low") > 0.1);
    assert!(number(&verdict, "judge.agreement.kappa.mean") < 0.9);
    let why = whys(&verdict);
    assert!(
        why.contains("The judge favours its own family (big)") && why.contains("human_is_random = true"),
        "{why}"
    );
    // Slice by slice too, where people graded enough; the judge's word alone is said to be that.
    for who in ["big", "small"] {
        let mean = |of: &str, grade: &dyn Fn(usize) -> u32| {
            let items: Vec<usize> = (0..ITEMS).filter(|at| slice(*at) == of).collect();
            items.iter().map(|at| f64::from(grade(*at) - 1) / 4.0).sum::<f64>() / items.len() as f64
        };
        let people = |at: usize| worth(who, at);
        let judge = |at: usize| judged(&answer(who, at), worth(who, at));
        let [usual, rare] = ["usual", "rare"].map(|of| of_slice(&verdict, who, of));
        assert_eq!((usual["labelled"].as_u64(), rare["labelled"].as_u64()), (Some(54), Some(6)));
        let (low, high) = (number(usual, "corrected.low"), number(usual, "corrected.high"));
        let truth = mean("usual", &people);
        assert!(low < truth && truth < high && high - low < 0.2, "{usual} {truth}");
        assert!(rare["corrected"].is_null(), "{rare}");
        for (of, told) in [("usual", usual), ("rare", rare)] {
            let cell = &named(&verdict, "candidates", who)["slices"][of];
            assert!((number(told, "judge") - mean(of, &judge)).abs() < 1e-9, "{told}");
            assert!((number(cell, "mean") - mean(of, &judge)).abs() < 1e-9, "grades as they are: {cell}");
        }
    }
    assert_eq!(desk.ordinate(["export", "run", "--to", "summary"]).status(), 0);
    let markdown = std::fs::read_to_string(desk.path("summary/summary.md")).unwrap();
    for told in [desk.ordinate(["report", "run"]).stdout(), markdown] {
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains("the judge's word alone (6 grades of people)"), "{told}");
        assert!(told.contains("corrected by 54 grades of people"), "{told}");
    }
    let assumed = verdict["assumed"].to_string();
    assert!(assumed.contains("random draw of the items, which nobody says"), "{assumed}");
    // The evidence has the grades as they are, and needs move what is corrected.
    let evidence = ordinate_data::read_evidence(&desk.path("run/evidence.parquet")).unwrap();
    let column = evidence.candidates().iter().position(|one| one.name.as_str() == "big").unwrap();
    let mean = (0..ITEMS).filter_map(|row| evidence.answers(column).score(row)).sum::<f64>() / ITEMS as f64;
    assert!((mean - raw("big")).abs() < 1e-9);
    let again = desk.ordinate(["judge", "run", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&again.stdout()).unwrap(), verdict);
    let page = std::fs::read_to_string(desk.path("run/report.html")).unwrap();
    assert!(page.contains("id=\"grades\"") && page.contains("Judge less people"));
    assert!(page.contains("the judge&#39;s word alone (6 grades of people)"), "{page}");
    // A file has the grades as they are too.
    assert_eq!(desk.ordinate(["export", "run", "--to", "out"]).status(), 0);
    let items = std::fs::read_to_string(desk.path("out/items.csv")).unwrap();
    let score =
        items.lines().next().unwrap().split(',').position(|name| name == "recommended_score").unwrap();
    let of_line = |line: &str| line.split(',').nth(score).unwrap().parse::<f64>().unwrap();
    assert!(items.lines().skip(1).all(|line| (0.0..=1.0).contains(&of_line(line))), "{items}");
    let grades = std::fs::read_to_string(desk.path("out/grades.csv")).unwrap();
    assert!(grades.contains("big,true,300,60,"), "{grades}");
    // A draw that is said to be random is not doubted.
    let said = asks(&judge, "human = \"human.csv\"\nhuman_is_random = true");
    let verdict = desk.verdict(&self::task(&desk, &big, &said, ""), &[]);
    assert!(!whys(&verdict).contains("random draw"), "{}", whys(&verdict));
}

#[tokio::test(flavor = "multi_thread")]
async fn pairs_are_asked_in_both_orders_and_ties_are_those_that_hang_on_it() {
    let (desk, big) = desk().await;
    let judge = FaultServer::start(pairs()).await.unwrap();
    let task = task(&desk, &big, &asks(&judge, "mode = \"pairwise\"\nagainst = \"small\""), "");
    let verdict = desk.verdict(&task, &[]);
    assert_eq!(judge.counts().asked, 600);
    let equal = (0..ITEMS).filter(|at| worth("big", *at) == worth("small", *at)).count() as f64;
    let better = (0..ITEMS).filter(|at| worth("big", *at) > worth("small", *at)).count() as f64;
    assert!((number(&verdict, "judge.orders_disagree") - equal / ITEMS as f64).abs() < 1e-12);
    let quality = |who: &str| number(named(&verdict, "candidates", who), "quality.mean");
    assert_eq!(quality("small"), 0.5);
    assert!((quality("big") - (better + 0.5 * equal) / ITEMS as f64).abs() < 1e-9);
    assert!(
        whys(&verdict).contains("says otherwise when the two answers change places"),
        "{}",
        whys(&verdict)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_grading_it_goes_on_and_money_is_kept_within_the_limit() {
    let (desk, big) = desk().await;
    let style = Style { latency: Duration::from_millis(15), ..Style::default() };
    let judge = FaultServer::start(single().with_style(style)).await.unwrap();
    let task = task(&desk, &big, &asks(&judge, ""), "[measure]\nconcurrency = 8");
    let mut child = desk.start(&["run", task.to_str().unwrap(), "--out", "run", "--quiet"]);
    while judge.counts().completed < 100 {
        assert!(child.try_wait().unwrap().is_none(), "it was over before it was killed");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let before = judge.counts().completed;
    assert!(before < 600);
    // There is no money for the rest.
    let spent = std::fs::read_to_string(&task).unwrap();
    std::fs::write(&task, spent.replace("concurrency = 8", "concurrency = 8\nmax_spend = 0.0001")).unwrap();
    let ran = desk.ordinate(["run", task.to_str().unwrap(), "--out", "run"]);
    assert!(ran.status() == 1 && ran.stderr().contains("max_spend"), "{}", ran.stderr());
    std::fs::write(&task, spent).unwrap();
    desk.verdict(&task, &["--resume"]);
    // What was on its way when it was killed is asked again, and nothing else.
    let asked = judge.counts().completed;
    assert!((600..=616).contains(&asked), "{asked}, {before} before");
    assert_eq!(big.counts().asked, 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_what_the_judge_is_asked_and_what_it_costs() {
    let (desk, big) = desk().await;
    human(&desk);
    let judge = FaultServer::start(single()).await.unwrap();
    let task = task(&desk, &big, &asks(&judge, "human = \"human.csv\""), "");
    let ran = desk.ordinate(["check", task.to_str().unwrap(), "--show-prompt"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let said = ran.stdout();
    assert!(
        said.contains("judge       gpt-judge (single): each answer by itself; held to 120 grades of people"),
        "{said}"
    );
    assert!(said.contains("judge: 600 of 600 items to ask, 0 kept") && said.contains("about $0."), "{said}");
    assert!(
        said.contains("prompt of the judge for the first item") && said.contains("Is it of use?"),
        "{said}"
    );
    assert_eq!((judge.counts().asked, big.counts().asked), (0, 0));
}
