//! Tables as people and researchers have them, through `ordinate init`: what it writes runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)] // tests

mod common;

use std::io::{Cursor, Write};

use common::{Files, mean};
use ordinate_core::Status;
use ordinate_data::{Loaded, infer_task, load_evidence, parse_task};
use zip::write::{SimpleFileOptions, ZipWriter};

/// Items of two candidates.
const ITEMS: usize = 8;

/// A workbook of one sheet, as small as Excel reads it; texts are inline.
fn workbook(rows: &[Vec<&str>]) -> Vec<u8> {
    let cell = |text: &str| match text.parse::<f64>() {
        Ok(number) => format!("<c><v>{number}</v></c>"),
        Err(_) if text.is_empty() => "<c/>".to_owned(),
        Err(_) => format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>"),
    };
    let row =
        |row: &Vec<&str>| format!("<row>{}</row>", row.iter().map(|text| cell(text)).collect::<String>());
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006";
    let sheet = format!(
        "<worksheet xmlns=\"{main}\"><sheetData>{}</sheetData></worksheet>",
        rows.iter().map(row).collect::<String>()
    );
    let parts = [
        (
            "[Content_Types].xml",
            format!(
                "<Types xmlns=\"{package}/content-types\"><Default Extension=\"xml\" ContentType=\"application/xml\"/></Types>"
            ),
        ),
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{package}/relationships\"><Relationship Id=\"r1\" Type=\"{relations}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{main}\" xmlns:r=\"{relations}\"><sheets><sheet name=\"Results\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{package}/relationships\"><Relationship Id=\"r1\" Type=\"{relations}/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"
            ),
        ),
        ("xl/worksheets/sheet1.xml", sheet),
    ];
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// What `infer_task` writes runs: the task, and its evidence.
fn init(files: &Files, name: &str) -> (String, Loaded) {
    let text = infer_task(&files.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let task =
        parse_task(&files.path("ordinate.toml"), &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let loaded = load_evidence(&task).unwrap_or_else(|error| panic!("{error}\n{text}"));
    (text, loaded)
}

#[test]
fn tables_with_the_headers_that_people_write() {
    let mut rows = vec![
        vec!["Results of the pilot", "", "", "", ""],
        vec!["March", "", "", "", ""],
        vec!["Model", "Question ID", "Topic", "Correct?", "Cost (USD)"],
    ];
    let ids: Vec<String> = (0..ITEMS).map(|at| format!("q{at}")).collect();
    for (at, id) in ids.iter().enumerate() {
        let topic = ["law", "art"][at % 2];
        rows.push(vec!["GPT", id, topic, if at < 6 { "Yes" } else { "No" }, "0.01"]);
        rows.push(vec!["Med 7B ", id, topic, if at < 2 { "Yes" } else { "No" }, ""]);
    }
    let csv = rows.iter().map(|row| row.join(";") + "\n").collect::<String>();
    let files = Files::new(&[("results.csv", csv.as_bytes()), ("results.xlsx", &workbook(&rows))]);
    for name in ["results.csv", "results.xlsx"] {
        let (text, loaded) = init(&files, name);
        assert!(
            text.contains(
                "columns = { candidate = \"Model\", score = \"Correct?\", cost_usd = \"Cost (USD)\" }"
            ),
            "{text}"
        );
        assert_eq!(
            (loaded.evidence.len(), mean(&loaded, 0), mean(&loaded, 1)),
            (ITEMS, 0.75, 0.25),
            "{name}"
        );
        assert_eq!(loaded.evidence.candidates()[1].name.as_str(), "Med 7B");
        assert_eq!(loaded.evidence.answers(0).cost_usd(0), Some(0.01));
        assert!(loaded.evidence.items().has_slices(), "{text}");
    }
}

#[test]
fn wide_tables_of_router_research() {
    let rows = (0..ITEMS).map(|at| {
        let truth = |truth: bool| if truth { "True" } else { "False" };
        format!("\"Question {at}?\",{},{},0.004,0.0002\n", truth(at < 6), truth(at < 2))
    });
    let head = "prompt,org/big-model,med-7b,org/big-model|total_cost,med-7b|total_cost\n";
    let text = format!("{head}{}", rows.collect::<String>());
    // Without costs too, as long as nothing but scores is left; a cell that is empty was not asked.
    let bare = "prompt,a,b\nq1,0.5,1\nq2,,1\nq3,1,0\n";
    let files = Files::new(&[("responses.csv", text.as_bytes()), ("bare.csv", bare.as_bytes())]);
    let (task, loaded) = init(&files, "responses.csv");
    assert!(
        task.contains("columns = { score = \"org/big-model\", cost_usd = \"org/big-model|total_cost\" }"),
        "{task}"
    );
    assert_eq!((loaded.evidence.len(), mean(&loaded, 0), mean(&loaded, 1)), (ITEMS, 0.75, 0.25));
    assert_eq!(loaded.evidence.answers(1).cost_usd(3), Some(0.0002));
    assert_eq!(loaded.evidence.items().input(0), Some("Question 0?"));
    let (_, loaded) = init(&files, "bare.csv");
    assert_eq!((mean(&loaded, 0), loaded.evidence.answers(0).count(Status::Missing)), (0.75, 1));
}

#[test]
fn kinds_of_task_are_told_by_what_the_fields_hold() {
    let many = |row: &dyn Fn(usize) -> String| (0..60).map(|at| row(at) + "\n").collect::<String>();
    let kinds = [
        (
            "choose",
            many(&|at| {
                format!(
                    "{{\"question\": \"q{at}\", \"options\": {{\"A\": \"x\", \"B\": \"y\"}}, \"answer\": \"{}\"}}",
                    ["A", "B"][at % 2]
                )
            }),
        ),
        (
            "extract",
            many(&|at| {
                format!("{{\"question\": \"q{at}\", \"context\": \"it is {at} now\", \"answer\": \"{at}\"}}")
            }),
        ),
        ("regress", many(&|at| format!("{{\"text\": \"t{at}\", \"label\": {}}}", at as f64 / 7.0))),
        ("classify", many(&|at| format!("{{\"text\": \"t{at}\", \"label\": \"{}\"}}", at % 3))),
        (
            "tag",
            many(&|at| {
                format!("{{\"text\": \"t{at}\", \"labels\": [\"x\"], \"label\": [\"a\", \"{}\"]}}", at % 3)
            }),
        ),
        ("generate", many(&|at| format!("{{\"text\": \"t{at}\", \"summary\": \"s{at}\"}}"))),
        (
            "classify",
            many(&|at| {
                format!(
                    "{{\"age\": {at}, \"dose\": {}, \"sex\": \"{}\", \"diagnosis\": \"x\", \"label\": \"{}\"}}",
                    at * 2,
                    ["f", "m"][at % 2],
                    at % 2
                )
            }),
        ),
    ];
    for (kind, text) in kinds {
        let files = Files::new(&[("data.jsonl", text.as_bytes())]);
        let text = infer_task(&files.path("data.jsonl")).unwrap();
        assert!(text.contains(&format!("kind = \"{kind}\"")), "{kind}: {text}");
        let task =
            parse_task(&files.path("ordinate.toml"), &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let runs_here = ["classify", "tag", "regress"].contains(&kind);
        assert_eq!(!task.file.candidate.is_empty(), runs_here, "{text}");
        assert!(text.contains("# openai = {"), "{text}");
    }
}

/// Titles, an empty row and headers in brackets above a table; scores per cent and with a decimal comma in one with a column a
/// candidate.
#[test]
fn more_of_what_people_put_above_a_table() {
    let rows = (0..ITEMS).map(|at| {
        let yes = |truth: bool| if truth { "Yes" } else { "No" };
        format!("GPT ,p{at},{},0.2\nMed,p{at},{},0.1\n", yes(at < 6), yes(at < 2))
    });
    let titled = format!(
        "Evaluation,,,\nof March,,,\n,,,\nSystem,Prompt ID,Correct?,Latency (s)\n{}",
        rows.collect::<String>()
    );
    let percent = (0..ITEMS).map(|at| {
        format!("\"why, {at}?\",{} %,{}%\n", if at < 6 { 100 } else { 0 }, if at < 2 { 100 } else { 0 })
    });
    let percent = format!("Question,GPT-4,Med-7B\n{}", percent.collect::<String>());
    let comma = (0..ITEMS).map(|at| {
        format!("why {at}?;{};{}\n", if at < 4 { "1" } else { "0,5" }, if at < 4 { "0,5" } else { "0" })
    });
    let comma = format!("Question;GPT-4;Med-7B\n{}", comma.collect::<String>());
    let files = Files::new(&[
        ("titled.csv", titled.as_bytes()),
        ("percent.csv", percent.as_bytes()),
        ("comma.csv", comma.as_bytes()),
    ]);
    for (name, means) in
        [("titled.csv", (0.75, 0.25)), ("percent.csv", (0.75, 0.25)), ("comma.csv", (0.75, 0.25))]
    {
        let (text, loaded) = init(&files, name);
        assert_eq!((mean(&loaded, 0), mean(&loaded, 1)), means, "{name}: {text}");
        assert_eq!(loaded.evidence.answers(0).latency_ms(0), None, "seconds are no milliseconds: {text}");
    }
}

/// Questions whose options stand in columns of their own, and whose answers are letters or counts.
#[test]
fn options_in_columns_of_their_own() {
    let tables = [
        ("letters.csv", "question,A,B,C,D,answer", ["A", "B", "C", "D"]),
        ("counts.csv", "question,opa,opb,opc,opd,cop", ["0", "1", "2", "3"]),
        ("counts1.csv", "Question,Option 1,Option 2,Option 3,Option 4,Correct answer", ["1", "2", "3", "4"]),
        (
            "texts.csv",
            "question,choice_a,choice_b,choice_c,choice_d,answer",
            ["red", "green", "blue", "grey"],
        ),
    ];
    for (name, head, answers) in tables {
        let rows = (0..40).map(|at| {
            format!(
                "what is {at}?,red,green,blue,{},{}\n",
                if at == 5 { "" } else { "grey" },
                answers[at % 3]
            )
        });
        let text = format!("{head}\n{}", rows.collect::<String>());
        let files = Files::new(&[(name, text.as_bytes())]);
        let text = infer_task(&files.path(name)).unwrap();
        assert!(text.contains("kind = \"choose\"") && text.contains("option_columns = ["), "{name}: {text}");
        let task = parse_task(&files.path("t.toml"), &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let items = ordinate_data::load_items(&task).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let options = |row: usize| {
            items.options(row).iter().map(|option| option.key.clone() + &option.text).collect::<Vec<_>>()
        };
        assert_eq!(options(0), ["Ared", "Bgreen", "Cblue", "Dgrey"], "{name}");
        assert_eq!(options(5).len(), 3, "{name}: an empty option is none");
        for row in 0..40 {
            assert_eq!(items.target(row), Some(["A", "B", "C"][row % 3]), "{name}: {text}");
        }
    }
    // Options in a list, counted.
    let rows = (0..40).map(|at| {
        format!("{{\"question\": \"q{at}\", \"choices\": [\"x\", \"y\", \"z\"], \"answer\": {}}}\n", at % 3)
    });
    let files = Files::new(&[("list.jsonl", rows.collect::<String>().as_bytes())]);
    let text = infer_task(&files.path("list.jsonl")).unwrap();
    let task = parse_task(&files.path("t.toml"), &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let items = ordinate_data::load_items(&task).unwrap();
    assert_eq!((items.target(0), items.target(2)), (Some("A"), Some("C")), "{text}");
}

/// Costs beside scores, whatever stands before or behind the name, are costs; and no candidates of their own.
#[test]
fn wide_tables_with_costs_in_many_names() {
    for (header, names) in [
        ("prompt,acc_gpt,acc_llama,cost_gpt,cost_llama", ["gpt", "llama"]),
        ("prompt,gpt-4 score,llama score,gpt-4 cost,llama cost", ["gpt-4", "llama"]),
        ("Question,Model A,Model B,Cost A,Cost B", ["Model A", "Model B"]),
        ("prompt,org/m,n:7b,org/m|total_cost,n:7b|total_cost", ["org/m", "n:7b"]),
    ] {
        let rows = (0..ITEMS).map(|at| format!("What is {at}?,1,{},0.01,0.002\n", at % 2));
        let csv = format!("{header}\n{}", rows.collect::<String>());
        let files = Files::new(&[("wide.csv", csv.as_bytes())]);
        let (text, loaded) = init(&files, "wide.csv");
        let evidence = &loaded.evidence;
        let found: Vec<&str> = evidence.candidates().iter().map(|one| one.name.as_str()).collect();
        assert_eq!(found, names, "{text}");
        assert_eq!((mean(&loaded, 0), mean(&loaded, 1)), (1.0, 0.5), "{text}");
        assert_eq!([0, 1].map(|one| evidence.answers(one).cost_usd(0)), [Some(0.01), Some(0.002)], "{text}");
    }
    // Who was not asked has no score.
    let rows = (0..ITEMS).map(|at| format!("What is {at}?,1,{}\n", ["1", "N/A", "0", "NaN"][at % 4]));
    let csv = format!("prompt,m,n\n{}", rows.collect::<String>());
    let (_, loaded) = init(&Files::new(&[("wide.csv", csv.as_bytes())]), "wide.csv");
    let scored = [0, 1].map(|one| loaded.evidence.answers(one).count(Status::Scored));
    assert_eq!((scored, mean(&loaded, 1)), ([ITEMS, ITEMS / 2], 0.5));
    // Costs without the candidates that they are of are no scores either.
    let csv = (0..ITEMS).map(|at| format!("What is {at}?,1,0.5,0.01\n")).collect::<String>();
    let files = Files::new(&[("wide.csv", format!("prompt,a,b,cost_total\n{csv}").as_bytes())]);
    let text = infer_task(&files.path("wide.csv")).unwrap();
    assert!(!text.contains("cost_total"), "{text}");
}

/// The data sets of the Hugging Face hub that everybody knows: SQuAD, ARC, SNLI, tags and ratings.
#[test]
fn data_sets_of_the_hub() {
    let of = |name: &str, row: &dyn Fn(usize) -> String| {
        let rows = (0..60).map(|at| row(at) + "\n").collect::<String>();
        let files = Files::new(&[(name, rows.as_bytes())]);
        infer_task(&files.path(name)).unwrap()
    };
    let squad = of("squad.jsonl", &|at| {
        format!(
            r#"{{"id":"{at}","context":"The cat {at} sat.","question":"Who {at}?","answers":{{"text":["cat {at}"],"answer_start":[4]}}}}"#
        )
    });
    assert!(squad.contains("kind = \"extract\"") && squad.contains("target = \"answers\""), "{squad}");
    let arc = of("arc.jsonl", &|at| {
        format!(
            r#"{{"question":"Which {at}?","choices":{{"text":["red","blue"],"label":["A","B"]}},"answerKey":"{}"}}"#,
            ["A", "B"][at % 2]
        )
    });
    assert!(arc.contains("kind = \"choose\"") && arc.contains("options = \"choices\""), "{arc}");
    let snli = of("snli.jsonl", &|at| {
        format!(
            r#"{{"premise":"A man {at} runs.","hypothesis":"He {at} sits.","label":"{}"}}"#,
            ["yes", "no"][at % 2]
        )
    });
    assert!(snli.contains("features = \"all\"") && !snli.contains("trees"), "{snli}");
    let tags = of("tags.jsonl", &|at| format!(r#"{{"text":"news {at}","labels":["a","b{}"]}}"#, at % 2));
    assert!(tags.contains("kind = \"tag\""), "{tags}");
    let stars = of("stars.jsonl", &|at| format!(r#"{{"text":"review {at}","stars":{}}}"#, 1 + at % 5));
    assert!(stars.contains("kind = \"classify\"") && stars.contains("target = \"stars\""), "{stars}");
    let orders = of("orders.jsonl", &|at| {
        format!(r#"{{"instruction":"do {at}","input":"","output":"done with {at}"}}"#)
    });
    assert!(orders.contains("input = \"instruction\""), "{orders}");
}

#[test]
fn scores_beyond_1_are_told_before_a_task_is_written() {
    let rows = (0..ITEMS).map(|at| format!("q{at},m,85\nq{at},n,4{at}\n"));
    let csv = format!("Item,System,Score (%)\n{}", rows.collect::<String>());
    let files = Files::new(&[("pct.csv", csv.as_bytes())]);
    let message = infer_task(&files.path("pct.csv")).unwrap_err().to_string();
    assert!(message.contains("\"Score (%)\" go up to 85") && message.contains("(85 %)"), "{message}");
}
