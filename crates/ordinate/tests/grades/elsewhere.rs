//! Grades from elsewhere, and what does not fit.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn recorded_grades_and_a_program_grade_too() {
    let (desk, big) = desk().await;
    human(&desk);
    let mut lines = vec!["id,candidate,grade".to_owned()];
    for at in 0..ITEMS {
        lines.extend(
            ["big", "small"].map(|who| format!("i{at},{who},{}", judged(&answer(who, at), worth(who, at)))),
        );
    }
    desk.write("grades.csv", lines.join("\n"));
    let recorded = "[judge]\nrecorded = { path = \"grades.csv\" }\nfamily = [\"big\"]\nhuman = \"human.csv\"";
    let verdict = desk.verdict(&task(&desk, &big, recorded, ""), &[]);
    assert!((number(named(&verdict, "candidates", "big"), "quality.mean") - means("big")).abs() < 0.05);
    assert_eq!(of(&verdict, "big")["own_family"], true);
    let program = "import json, sys\nfor line in sys.stdin:\n    text = json.loads(line)['input']\n    worth = \
                   text.split('worth ')[1].split()[0]\n    print(json.dumps({'output': worth}), flush=True)\n";
    desk.write("judge.py", program);
    let command = "[judge]\nrubric = \"Is it of use?\"\ncommand = { run = [\"python3\", \"judge.py\"] }";
    let verdict = desk.verdict(&task(&desk, &big, command, ""), &[]);
    assert!((number(named(&verdict, "candidates", "small"), "quality.mean") - means("small")).abs() < 1e-9);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_with_its_line() {
    let (desk, big) = desk().await;
    desk.write("human.csv", "id,candidate,grade\ni1,bigg,3\n");
    desk.write("grades.csv", "id,candidate,grade\ni1,big,7\n");
    desk.write("strange.csv", "id,candidate,grade\nx1,big,3\n");
    let recorded = "[judge]\nrecorded = { path = \"grades.csv\" }";
    for (judge, further, said) in [
        ("", "", "[task] metric: a judge grades the answers, and nothing says who"),
        ("[judge]\nrubric = \"r\"", "", "[judge]: nothing says how the judge is asked"),
        (
            "[judge]\nrubric = \"r\"\nlocal = { model = \"ngram-linear\" }",
            "",
            "[judge] local: a judge says what an answer is worth, and ngram-linear does not write",
        ),
        ("[judge]\nrubric = \"r\"\nlocal = { model = \"none.gguf\" }", "", "[judge]"),
        ("[judge]\nopenai = { model = \"m\" }", "", "[judge] rubric: the judge has to be told"),
        (
            "[judge]\nrubric = \"r\"\nopenai = { model = \"m\" }\nagainst = \"big\"",
            "",
            "[judge] against: in single",
        ),
        ("[judge]\nrecorded = { path = \"none.csv\" }", "", "[judge] recorded.path"),
        (
            "[judge]\nrecorded = { path = \"grades.csv\" }\nscale = [5, 1]",
            "",
            "[judge] scale: the first is the worst",
        ),
        ("[judge]\nrecorded = { path = \"grades.csv\" }\nfamily = [\"bog\"]", "", "did you mean \"big\""),
        (
            "[judge]\nrubric = \"r\"\nopenai = { model = \"m\" }",
            "[needs]\nstay_local = true",
            "[judge] stay_local forbids to send it the data",
        ),
        (recorded, "[measure]\nstop_settled = true", "[measure] stop_settled: stop_settled looks at scores"),
        (recorded, "[measure]\nstop_early = true", "[measure] stop_early: stop_early looks at scores"),
        (recorded, "", "grades.csv:2: grade: \"7\" is not allowed; it takes a grade from 1 to 5"),
        (
            "[judge]\nrecorded = { path = \"small.jsonl\" }\nhuman = \"human.csv\"",
            "",
            "human.csv:2: candidate: \"bigg\" is not allowed",
        ),
    ] {
        let task = task(&desk, &big, judge, further);
        let said_then = desk.ordinate(["run", task.to_str().unwrap(), "--out", "run"]).refusal();
        assert!(said_then.contains(said), "{said_then}\nwanted {said}");
    }
    let judge = FaultServer::start(single()).await.unwrap();
    let strange = task(&desk, &big, &asks(&judge, "human = \"strange.csv\""), "");
    let said = desk.ordinate(["run", strange.to_str().unwrap(), "--out", "run"]).refusal();
    assert!(said.contains("[judge] human: none of its 1 grades is of an item"), "{said}");
    let verify = desk.ordinate(["run", strange.to_str().unwrap(), "--out", "other", "--rescore"]);
    assert_eq!(verify.status(), 2, "{}", verify.stderr());
}
