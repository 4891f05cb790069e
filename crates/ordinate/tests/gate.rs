//! `ordinate gate`: the exit status that a script of continuous integration goes by.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use support::Desk;

/// A table in which two models are right on so many of a hundred of the same items; `salt` moves which.
fn table(items: usize, large: usize, own: usize, salt: usize) -> String {
    let mut table = "id,candidate,score,cost_usd\n".to_owned();
    for item in 0..items {
        for (model, right, step) in [("large", large, 37), ("own", own, 61)] {
            let score = u8::from((item * step + salt) % 100 < right);
            let _ = writeln!(table, "i{item},{model},{score},0.001");
        }
    }
    table
}

fn task(evidence: &str) -> String {
    format!(
        "[task]\nname = \"a|<b>\"\nkind = \"scored\"\n[data]\nevidence = \"{evidence}\"\n[combine]\nkinds = [\"single\"]\n\
         [[candidate]]\nname = \"large\"\nlineage = \"general\"\n[[candidate]]\nname = \"own\"\nlineage = \"vertical\"\n"
    )
}

/// Runs on this table, into a folder of this name.
fn ran(desk: &Desk, name: &str, table: &str) {
    desk.write(&format!("{name}.csv"), table);
    desk.write(&format!("{name}.toml"), task(&format!("{name}.csv")));
    let ran = desk.ordinate(["run", &format!("{name}.toml"), "--out", name, "--quiet"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
}

#[test]
fn a_script_goes_by_the_exit_status() {
    let desk = Desk::new();
    ran(&desk, "good", &table(400, 90, 50, 0));
    ran(&desk, "open", &table(30, 70, 67, 0));
    ran(&desk, "fell", &table(400, 70, 50, 0));
    // As good, on the same items, but others of them.
    ran(&desk, "moved", &table(400, 90, 50, 11));
    ran(&desk, "better", &table(400, 95, 50, 0));
    // What it does not know now it leaves out.
    let all = table(400, 90, 50, 0);
    let knows = |line: &&str| !(line.contains(",large,0,"));
    ran(&desk, "quiet", &all.lines().filter(knows).fold(String::new(), |all, line| all + line + "\n"));
    let script = desk.write(
        "gate.sh",
        r#"
status() { "$@" >/dev/null 2>err; echo "$? $(echo "$@" | cut -d' ' -f2-)"; }
status "$1" gate good
status "$1" gate good --expect outcome=general
status "$1" gate good --expect outcome=general --expect recommended=large --expect lineage=general
status "$1" gate good --expect outcome=vertical
status "$1" gate good --expect recommended=own
status "$1" gate good --need min_quality=0.99
status "$1" gate open --expect outcome=general
status "$1" gate open --expect outcome=undecided
status "$1" gate good --against good
status "$1" gate good --against fell
status "$1" gate fell --against good
status "$1" gate fell --against good --need margin=0.5
status "$1" gate moved --against good
status "$1" gate moved --against good --need margin=0.1
status "$1" gate moved --against open --expect outcome=vertical
status "$1" gate quiet --against fell
status "$1" gate quiet --against good
status "$1" gate good --against better
status "$1" gate quiet --against better
status "$1" gate good --expect outcome=best
status "$1" gate good --expect price=low
status "$1" gate good --need colour=red
status "$1" gate nowhere
status "$1" gate good --against nowhere
status "$1" gate good --expect general
"#,
    );
    let out = Command::new("sh")
        .arg(&script)
        .arg(env!("CARGO_BIN_EXE_ordinate"))
        .current_dir(desk.path(""))
        .output();
    let out = String::from_utf8(out.unwrap().stdout).unwrap();
    insta::assert_snapshot!(out.trim());
}

#[test]
fn reports_are_whole_whatever_is_in_them() {
    let desk = Desk::new();
    ran(&desk, "good", &table(400, 90, 50, 0));
    let flags = ["--expect", "outcome=vertical", "--junit", "gate.xml", "--markdown", "summary.md"];
    let told = desk.ordinate(["gate", "good"].into_iter().chain(flags));
    assert_eq!(told.status(), 1);
    insta::assert_snapshot!("lines", told.stdout());
    insta::assert_snapshot!("junit", fs::read_to_string(desk.path("gate.xml")).unwrap());
    let once = fs::read_to_string(desk.path("summary.md")).unwrap();
    insta::assert_snapshot!("markdown", once);
    // A summary is added to what other steps wrote.
    assert_eq!(desk.ordinate(["gate", "good", "--markdown", "summary.md"]).status(), 0);
    assert!(fs::read_to_string(desk.path("summary.md")).unwrap().starts_with(&once));
    let refused = desk.ordinate(["gate", "good", "--junit", "none/gate.xml"]);
    assert!(refused.status() == 1 && refused.stderr().contains("none/gate.xml"), "{}", refused.stderr());
}
