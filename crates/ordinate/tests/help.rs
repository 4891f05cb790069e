//! What the program says of itself: help with examples, man pages that exist, and what is missing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use support::Desk;

const COMMANDS: [&str; 19] = [
    "new",
    "run",
    "check",
    "init",
    "import",
    "export",
    "report",
    "view",
    "judge",
    "verify",
    "explain",
    "gate",
    "ask",
    "serve",
    "status",
    "label",
    "label-next",
    "models",
    "schema",
];

#[test]
fn every_command_has_an_example_in_its_help() {
    let desk = Desk::new();
    for command in COMMANDS {
        let help = desk.ordinate([command, "--help"]);
        assert_eq!(help.status(), 0, "{}", help.stderr());
        let (_, examples) = help
            .stdout()
            .split_once("Example")
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap_or_default();
        assert!(examples.contains(&format!("\n  ordinate {command}")), "{command}: {}", help.stdout());
    }
}

/// Every page that a page names is there.
#[test]
fn man_pages_exist() {
    let desk = Desk::new();
    assert_eq!(desk.ordinate(["man", "--out", "man1"]).status(), 0);
    let pages: Vec<String> = std::fs::read_dir(desk.path("man1"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut named = 0;
    for page in &pages {
        let text = std::fs::read_to_string(desk.path("man1").join(page)).unwrap().replace('\\', "");
        assert!(text.contains(&format!(".TH {}", page.trim_end_matches(".1"))), "{page}: {text}");
        for word in
            text.split_whitespace().filter(|word| word.starts_with("ordinate-") && word.ends_with("(1)"))
        {
            named += 1;
            assert!(pages.contains(&word.replace("(1)", ".1")), "{page} names {word}: {pages:?}");
        }
    }
    assert!(
        named >= COMMANDS.len() && pages.contains(&"ordinate-models-fetch.1".to_owned()),
        "{named}: {pages:?}"
    );
    assert!(desk.ordinate(["man", "run"]).stdout().contains("ordinate run task.toml"));
    assert!(desk.ordinate(["man", "runn"]).refusal().contains("did you mean \"run\"?"));
}

#[test]
fn names_of_needs_that_are_a_part_of_one() {
    let desk = Desk::new();
    desk.write("t.csv", "id,candidate,score\n1,a,1\n1,b,0\n");
    desk.write("t.toml", "[task]\nname = \"t\"\nkind = \"scored\"\n[data]\nevidence = \"t.csv\"\n[[candidate]]\nname = \"a\"\nlineage = \"general\"\n[[candidate]]\nname = \"b\"\nlineage = \"vertical\"\n");
    for (need, near) in
        [("max_cost", "max_cost_per_1k"), ("memory", "max_memory_gb"), ("min_qualty", "min_quality")]
    {
        let said = desk.ordinate(["run", "t.toml", "--need", &format!("{need}=1")]).refusal();
        assert!(said.contains(&format!("did you mean {near:?}?")), "{said}");
    }
}

#[test]
fn a_slice_that_is_missing_is_said() {
    let desk = Desk::new();
    let mut table = "id,slice,candidate,score\n".to_owned();
    for item in 0..200 {
        let law = item % 2 == 0;
        let slice = if law { "law" } else { "art" };
        for (name, good) in [("a", law), ("b", !law)] {
            let right = if good { item % 20 > 1 } else { item % 20 < 2 };
            table += &format!("i{item},{slice},{name},{}\n", u8::from(right));
        }
    }
    desk.write("t.csv", table);
    desk.write("t.toml", "[task]\nname = \"t\"\nkind = \"scored\"\n[data]\nevidence = \"t.csv\"\n[[candidate]]\nname = \"a\"\nlineage = \"general\"\n[[candidate]]\nname = \"b\"\nlineage = \"vertical\"\n");
    assert_eq!(desk.ordinate(["run", "t.toml", "-q", "--out", "run"]).status(), 0);
    let without = desk.ordinate(["ask", "run", "x", "--policy", "by-slice"]).stdout();
    assert!(without.contains("No slice was given") && without.contains("--slice (art, law)"), "{without}");
    let with = desk.ordinate(["ask", "run", "x", "--policy", "by-slice", "--slice", "law"]).stdout();
    assert!(with.contains("by-slice asks a") && !with.contains("No slice was given"), "{with}");
}
