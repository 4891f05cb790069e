//! `ordinate explain`: what the words of a verdict mean.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod support;

use support::Desk;

#[test]
fn words_are_explained_and_others_are_not() {
    let desk = Desk::new();
    let told = |words: &[&str]| {
        let ran = desk.ordinate(["explain"].iter().chain(words));
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        ran.stdout()
    };
    assert!(told(&["zero", "router"]).starts_with("zero router: A coin between two candidates"));
    assert_eq!(told(&["zero-router"]), told(&["Zero Router"]));
    assert!(told(&["cross-fitting"]).starts_with("cross-fitted: "));
    assert!(told(&[]).lines().filter(|line| !line.is_empty()).count() == 26);
    assert!(
        told(&["ppi"]).starts_with("prediction-powered inference: ")
            && told(&["Kappa"]).starts_with("agreement: ")
    );
    for word in ["judge", "rubric", "pairwise", "corrected"] {
        assert!(told(&[word]).starts_with(&format!("{word}: ")), "{word}");
    }
    let refusal = desk.ordinate(["explain", "linage"]).refusal();
    assert!(
        refusal.contains("did you mean \"lineage\"")
            && refusal.contains("known are agreement, bar, best single"),
        "{refusal}"
    );
}
