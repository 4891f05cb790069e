//! `ordinate ask RUN --items FILE`: what a policy would do with every item of a file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use std::fmt::Write as _;
use std::time::Instant;

use serde_json::Value;
use support::Desk;

/// 400 items of two slices, each known by one of two models; the text says nothing. A dollar for 1,000 items of the one, ten
/// for those of the other.
const TASK: &str = r#"
[task]
name = "two"
kind = "scored"
[data]
evidence = "e.csv"
input = "text"
slice = "area"
[[candidate]]
name = "large"
lineage = "general"
[[candidate]]
name = "own"
lineage = "vertical"
"#;

/// `right` is how often the two are right on the slice `law` and on the slice `art`.
fn ran(right: [[f64; 2]; 2], needs: &[&str]) -> (Desk, Value) {
    let desk = Desk::new();
    let mut random = fastrand::Rng::with_seed(1);
    let mut table = "id,text,area,candidate,score,cost_usd\n".to_owned();
    for item in 0..400 {
        let slice = item % 2;
        for (model, (name, cost)) in [("large", 0.01), ("own", 0.001)].into_iter().enumerate() {
            let score = u8::from(random.f64() < right[model][slice]);
            let area = ["law", "art"][slice];
            let _ =
                writeln!(table, "i{item},question {item} {},{area},{name},{score},{cost}", random.u64(..));
        }
    }
    desk.write("e.csv", table);
    let task = desk.write("t.toml", TASK);
    let verdict = desk.verdict(&task, needs);
    (desk, verdict)
}

/// The lines of a command that must succeed.
fn lines(desk: &Desk, arguments: &[&str]) -> Vec<Value> {
    let ran = desk.ordinate(arguments);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    ran.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const EACH_KNOWS_ONE: [[f64; 2]; 2] = [[0.95, 0.4], [0.4, 0.95]];

#[test]
fn each_item_goes_where_the_single_question_would_go() {
    let (desk, verdict) = ran(EACH_KNOWS_ONE, &[]);
    assert_eq!(verdict["recommended"]["name"], "by-slice", "{}", verdict["why"]);
    desk.write(
        "items.jsonl",
        "{\"id\":\"a\",\"text\":\"who may appeal\",\"area\":\"law\"}\n\
         {\"id\":\"合同\",\"text\":\"合同何时成立？\",\"area\":\"art\",\"further\":[1,2]}\n\n\
         {\"id\":3,\"text\":\"what is a fugue\",\"area\":\"music\"}\n",
    );
    let decisions = lines(&desk, &["ask", "run", "--items", "items.jsonl"]);
    let ids: Vec<&Value> = decisions.iter().map(|decision| &decision["id"]).collect();
    assert_eq!(ids, ["a", "合同", "3"]);
    let asked: Vec<&Value> = decisions.iter().map(|decision| &decision["ask"][0]).collect();
    assert_eq!(asked[..2], ["large", "own"]);
    for (decision, (cost, quality)) in decisions.iter().zip([(0.01, 0.95), (0.001, 0.95)]) {
        assert!((decision["cost_usd"].as_f64().unwrap() - cost).abs() < 1e-6, "{decision}");
        assert!((decision["expected_quality"].as_f64().unwrap() - quality).abs() < 0.06, "{decision}");
        assert_eq!((&decision["answer"], &decision["new_slice"]), (&Value::Null, &Value::Null));
    }
    assert_eq!(decisions[2]["new_slice"], "music");
    let single = desk.ordinate(["ask", "run", "合同何时成立？", "--slice", "art", "--json"]).stdout();
    let single: Value = serde_json::from_str(&single).unwrap();
    assert_eq!(single["ask"], decisions[1]["ask"]);

    // The same from a table, and for another policy of the run.
    desk.write(
        "items.csv",
        "id,text,area\na,who may appeal,law\n合同,合同何时成立？,art\n3,what is a fugue,music\n",
    );
    assert_eq!(lines(&desk, &["ask", "run", "--items", "items.csv"]), decisions);
    let all = lines(&desk, &["ask", "run", "--items", "items.csv", "--policy", "own"]);
    assert!(all.iter().all(|decision| decision["ask"] == serde_json::json!(["own"])), "{all:?}");
    assert!(all.iter().all(|decision| (decision["cost_usd"].as_f64().unwrap() - 0.001).abs() < 1e-9));
}

/// A budget between two candidates is spent by a coin, and the coin that is served has the share that was measured.
#[test]
fn the_coin_of_a_budget_is_tossed_by_the_input() {
    let (desk, verdict) =
        ran([[0.9, 0.9], [0.5, 0.5]], &["--need", "max_cost_per_1k=5.5", "--need", "goal=quality"]);
    let recommended = &verdict["recommended"];
    assert_eq!(recommended["kind"], "zero-router", "{}", verdict["why"]);
    let share = recommended["mix"]["share"].as_f64().unwrap();
    assert!((share - 0.5).abs() < 0.01, "{recommended}");
    let (cost, quality) = (
        support::number(&verdict, "recommended.cost_per_1k"),
        support::number(&verdict, "recommended.quality.mean"),
    );
    assert!(cost <= 5.5 && cost > 0.95 * 5.5 && quality > 0.65, "{recommended}");
    assert!(verdict["why"].to_string().contains("A coin spends the budget"), "{}", verdict["why"]);

    let mut items = String::new();
    for item in 0..4_000 {
        let _ = writeln!(items, r#"{{"id":"{item}","text":"第{item}题：合同","area":"law"}}"#);
    }
    desk.write("items.jsonl", items);
    let decisions = lines(&desk, &["ask", "run", "--items", "items.jsonl"]);
    let dear = |decision: &&Value| decision["ask"][0] == "large";
    let count = decisions.iter().filter(dear).count() as f64;
    assert!((count / 4_000.0 - share).abs() < 0.03, "{count} of 4000, {share}");
    let spent: f64 = decisions.iter().map(|decision| decision["cost_usd"].as_f64().unwrap()).sum();
    assert!((spent / 4.0 - 5.5).abs() < 0.2, "{spent}");
    // Whoever asks again, or one by one, is told the same.
    assert_eq!(lines(&desk, &["ask", "run", "--items", "items.jsonl"]), decisions);
    for item in [0, 17, 3_999] {
        let text = format!("第{item}题：合同");
        let single: Value =
            serde_json::from_str(&desk.ordinate(["ask", "run", &text, "--json"]).stdout()).unwrap();
        assert_eq!(single["ask"], decisions[item]["ask"]);
        assert_eq!(single["mix"]["share"], recommended["mix"]["share"]);
    }
    let said = desk.ordinate(["ask", "run", "第17题：合同"]).stdout();
    assert!(said.contains("A coin, which is a hash of the input"), "{said}");
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let (desk, _) = ran(EACH_KNOWS_ONE, &[]);
    let refusal = |name: &str, content: &str| {
        desk.write(name, content);
        desk.ordinate(["ask", "run", "--items", name]).refusal()
    };
    let first = "{\"id\":\"a\",\"text\":\"x\",\"area\":\"law\"}\n";
    let empty = refusal("empty.jsonl", "");
    assert!(empty.contains("empty.jsonl"), "{empty}");
    let broken = refusal("broken.jsonl", &format!("{first}{first}{{\"id\": \"c\", \"text\": \n"));
    assert!(broken.contains("broken.jsonl:3"), "{broken}");
    let lacks = refusal("lacks.jsonl", &format!("{first}{{\"id\":\"b\",\"area\":\"law\"}}\n"));
    assert!(lacks.contains("lacks.jsonl:2") && lacks.contains("text"), "{lacks}");
    let blank = refusal("blank.csv", "id,text,area\na,x,law\nb,,law\n");
    assert!(blank.contains("blank.csv:3") && blank.contains("text"), "{blank}");
    let column = refusal("column.csv", "id,texts,area\na,x,law\n");
    assert!(column.contains("column.csv") && column.contains("text"), "{column}");
    let slice = refusal("slice.csv", "id,text\na,x\n");
    assert!(slice.contains("slice.csv") && slice.contains("area"), "{slice}");
    let absent = desk.ordinate(["ask", "run", "--items", "absent.jsonl"]).refusal();
    assert!(absent.contains("absent.jsonl"), "{absent}");
    let policy = desk.ordinate(["ask", "run", "--items", "broken.jsonl", "--policy", "magic"]).refusal();
    assert!(policy.contains("by-slice"), "{policy}");
    // One input or a file of them, not both and not neither.
    assert_eq!(desk.ordinate(["ask", "run", "x", "--items", "blank.csv"]).status(), 2);
    assert_eq!(desk.ordinate(["ask", "run"]).status(), 2);
}

#[test]
fn a_hundred_thousand_items_take_seconds() {
    let (desk, _) = ran(EACH_KNOWS_ONE, &[]);
    let mut items = String::new();
    for item in 0..100_000 {
        let _ = writeln!(
            items,
            r#"{{"id":"{item}","text":"question {item}","area":"{}"}}"#,
            ["law", "art"][item % 2]
        );
    }
    desk.write("items.jsonl", items);
    let start = Instant::now();
    let decisions = lines(&desk, &["ask", "run", "--items", "items.jsonl"]);
    let took = start.elapsed().as_secs();
    assert!(decisions.len() == 100_000 && took < 60, "{} in {took} s", decisions.len());
    assert!(
        decisions.iter().enumerate().all(|(at, one)| one["id"].as_str() == Some(at.to_string().as_str())),
        "in the order of the file"
    );
}
